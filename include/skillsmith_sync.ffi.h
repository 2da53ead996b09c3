/* The declarations of skillsmith_sync.h without a preprocessor, for the FFI of other languages. They need the types of
   stdbool.h, stddef.h and stdint.h; that header has the documentation. Generated; do not edit. */

enum {
  SKILLSMITH_VERSION_MAJOR = 0,
  SKILLSMITH_VERSION_MINOR = 1,
  SKILLSMITH_VERSION_PATCH = 0,
  SKILLSMITH_VERSION_NUMBER = 1000,
  SKILLSMITH_ABI_VERSION = 1,
};

enum skillsmith_status {
  SKILLSMITH_OK = 0,
  SKILLSMITH_INVALID_ARGUMENT = 101,
  SKILLSMITH_RUN_NOT_FOUND = 102,
  SKILLSMITH_SYNC_IN_PROGRESS = 103,
  SKILLSMITH_CANCELLED = 104,
  SKILLSMITH_DATABASE_CLOSED = 105,
  SKILLSMITH_OPENED_BEFORE_FORK = 106,
  SKILLSMITH_HOST_ERROR = 107,
  SKILLSMITH_NULL_ARGUMENT = 108,
  SKILLSMITH_INVALID_HANDLE = 109,
  SKILLSMITH_OFFLINE = 201,
  SKILLSMITH_API_UNHEALTHY = 202,
  SKILLSMITH_NETWORK_UNREACHABLE = 203,
  SKILLSMITH_NETWORK_TIMEOUT = 204,
  SKILLSMITH_RATE_LIMITED = 205,
  SKILLSMITH_QUOTA_EXCEEDED = 206,
  SKILLSMITH_UNAUTHORIZED = 207,
  SKILLSMITH_FORBIDDEN = 208,
  SKILLSMITH_SERVER_ERROR = 209,
  SKILLSMITH_RUN_DEADLINE = 210,
  SKILLSMITH_PLAN_REQUIRED = 211,
  SKILLSMITH_SIGN_IN_EXPIRED = 212,
  SKILLSMITH_DATABASE_ERROR = 301,
  SKILLSMITH_DATABASE_BUSY = 302,
  SKILLSMITH_NOT_A_DATABASE = 303,
  SKILLSMITH_DATABASE_DAMAGED = 304,
  SKILLSMITH_NOT_SKILLSMITH = 305,
  SKILLSMITH_PERMISSION_DENIED = 306,
  SKILLSMITH_READ_ONLY = 307,
  SKILLSMITH_DISK_FULL = 308,
  SKILLSMITH_IO_ERROR = 309,
  SKILLSMITH_DATABASE_IN_USE = 310,
  SKILLSMITH_DATABASE_REPLACED = 311,
  SKILLSMITH_TOO_MANY_FILES = 312,
  SKILLSMITH_PROTOCOL_ERROR = 401,
  SKILLSMITH_REQUEST_REFUSED = 402,
  SKILLSMITH_REDIRECT_REFUSED = 403,
  SKILLSMITH_RESPONSE_TOO_LARGE = 404,
  SKILLSMITH_INTERNAL = 901,
  SKILLSMITH_OUT_OF_MEMORY = 902,
};
typedef int32_t skillsmith_status;

enum skillsmith_sync_frequency {
  SKILLSMITH_SYNC_FREQUENCY_DEFAULT = 0,
  SKILLSMITH_SYNC_FREQUENCY_DAILY = 1,
  SKILLSMITH_SYNC_FREQUENCY_WEEKLY = 2,
};
typedef int32_t skillsmith_sync_frequency;

enum skillsmith_sync_status {
  SKILLSMITH_SYNC_STATUS_RUNNING = 1,
  SKILLSMITH_SYNC_STATUS_SUCCESS = 2,
  SKILLSMITH_SYNC_STATUS_FAILED = 3,
  SKILLSMITH_SYNC_STATUS_PARTIAL = 4,
};
typedef int32_t skillsmith_sync_status;

enum skillsmith_coverage {
  SKILLSMITH_COVERAGE_COMPLETE = 1,
  SKILLSMITH_COVERAGE_BEST_EFFORT = 2,
};
typedef int32_t skillsmith_coverage;

enum skillsmith_log_level {
  SKILLSMITH_LOG_WARNING = 1,
  SKILLSMITH_LOG_INFO = 2,
  SKILLSMITH_LOG_DEBUG = 3,
};
typedef int32_t skillsmith_log_level;

enum skillsmith_health {
  SKILLSMITH_HEALTH_UNKNOWN = 0,
  SKILLSMITH_HEALTH_HEALTHY = 1,
  SKILLSMITH_HEALTH_DEGRADED = 2,
  SKILLSMITH_HEALTH_UNHEALTHY = 3,
};
typedef int32_t skillsmith_health;

enum skillsmith_sync_phase {
  SKILLSMITH_SYNC_PHASE_CONNECTING = 1,
  SKILLSMITH_SYNC_PHASE_FETCHING = 2,
  SKILLSMITH_SYNC_PHASE_COMPARING = 3,
  SKILLSMITH_SYNC_PHASE_UPSERTING = 4,
  SKILLSMITH_SYNC_PHASE_COMPLETE = 5,
};
typedef int32_t skillsmith_sync_phase;

enum skillsmith_switch {
  SKILLSMITH_SWITCH_DEFAULT = 0,
  SKILLSMITH_SWITCH_ON = 1,
  SKILLSMITH_SWITCH_OFF = 2,
};
typedef int32_t skillsmith_switch;

enum skillsmith_listing {
  SKILLSMITH_LISTING_DEFAULT = 0,
  SKILLSMITH_LISTING_AUTO = 1,
  SKILLSMITH_LISTING_SEARCH = 2,
};
typedef int32_t skillsmith_listing;

typedef struct skillsmith_api_client skillsmith_api_client;

typedef struct skillsmith_background_sync_service skillsmith_background_sync_service;

typedef struct skillsmith_cancel_token skillsmith_cancel_token;

typedef struct skillsmith_database skillsmith_database;

typedef struct skillsmith_error skillsmith_error;

typedef struct skillsmith_registry skillsmith_registry;

typedef struct skillsmith_registry_call skillsmith_registry_call;

typedef struct skillsmith_skill_repository skillsmith_skill_repository;

typedef struct skillsmith_sync_config_repository skillsmith_sync_config_repository;

typedef struct skillsmith_sync_engine skillsmith_sync_engine;

typedef struct skillsmith_sync_history_repository skillsmith_sync_history_repository;

typedef struct skillsmith_token_call skillsmith_token_call;

typedef struct skillsmith_open_options {
  size_t struct_size;
  int read_only;
  int64_t busy_budget_ms;
} skillsmith_open_options;

typedef struct skillsmith_text {
  const char *data;
  size_t length;
} skillsmith_text;

typedef struct skillsmith_sync_config {
  struct skillsmith_text id;
  bool enabled;
  skillsmith_sync_frequency frequency;
  int64_t interval_ms;
  struct skillsmith_text last_sync_at;
  struct skillsmith_text next_sync_at;
  int64_t last_sync_count;
  struct skillsmith_text last_sync_error;
  struct skillsmith_text created_at;
  struct skillsmith_text updated_at;
} skillsmith_sync_config;

typedef struct skillsmith_sync_config_update {
  size_t struct_size;
  skillsmith_switch enabled;
  skillsmith_sync_frequency frequency;
} skillsmith_sync_config_update;

typedef struct skillsmith_sync_run_result {
  size_t struct_size;
  uint64_t skills_added;
  uint64_t skills_updated;
  uint64_t skills_unchanged;
  uint64_t skills_removed;
} skillsmith_sync_run_result;

typedef struct skillsmith_sync_history_entry {
  struct skillsmith_text id;
  struct skillsmith_text started_at;
  struct skillsmith_text completed_at;
  skillsmith_sync_status status;
  int64_t skills_added;
  int64_t skills_updated;
  int64_t skills_unchanged;
  struct skillsmith_text error_message;
  int64_t duration_ms;
  struct skillsmith_text created_at;
  int64_t skills_removed;
  skillsmith_status code;
} skillsmith_sync_history_entry;

typedef struct skillsmith_sync_history_list {
  const struct skillsmith_sync_history_entry *const *entries;
  size_t count;
} skillsmith_sync_history_list;

typedef struct skillsmith_sync_stats {
  int64_t total_runs;
  int64_t successful_runs;
  int64_t failed_runs;
  struct skillsmith_text last_success_at;
  int64_t average_duration_ms;
} skillsmith_sync_stats;

typedef struct skillsmith_skill {
  struct skillsmith_text id;
  struct skillsmith_text name;
  struct skillsmith_text description;
  struct skillsmith_text author;
  struct skillsmith_text repo_url;
  bool has_quality_score;
  double quality_score;
  struct skillsmith_text trust_tier;
  const struct skillsmith_text *tags;
  size_t tag_count;
  struct skillsmith_text created_at;
  struct skillsmith_text updated_at;
  bool installable;
  bool has_risk_score;
  int64_t risk_score;
  int64_t security_findings_count;
  struct skillsmith_text security_scanned_at;
  bool has_security_verdict;
  bool security_passed;
} skillsmith_skill;

typedef struct skillsmith_freshness {
  bool is_empty;
  struct skillsmith_text listed_at;
  int64_t age_ms;
  bool is_stale;
  bool has_coverage;
  skillsmith_coverage coverage;
  bool by_words;
} skillsmith_freshness;

typedef struct skillsmith_skill_filter {
  size_t struct_size;
  const char *category;
  const char *trust_tier;
  double min_score;
  int safe_only;
  const char *source;
} skillsmith_skill_filter;

typedef struct skillsmith_skill_search_options {
  size_t struct_size;
  const struct skillsmith_skill_filter *filter;
  uint32_t limit;
  uint64_t offset;
} skillsmith_skill_search_options;

typedef struct skillsmith_skill_match {
  const struct skillsmith_skill *skill;
  double rank;
  struct skillsmith_text snippet;
} skillsmith_skill_match;

typedef struct skillsmith_skill_search_results {
  const struct skillsmith_skill_match *const *matches;
  size_t count;
  bool has_more;
  bool indexed;
  const struct skillsmith_freshness *freshness;
} skillsmith_skill_search_results;

typedef struct skillsmith_skill_list_options {
  size_t struct_size;
  const struct skillsmith_skill_filter *filter;
  uint32_t limit;
  const char *after;
  size_t after_length;
} skillsmith_skill_list_options;

typedef struct skillsmith_skill_page {
  const struct skillsmith_skill *const *skills;
  size_t count;
  struct skillsmith_text next;
  const struct skillsmith_freshness *freshness;
} skillsmith_skill_page;

typedef struct skillsmith_skill_details {
  const struct skillsmith_skill *skill;
  const struct skillsmith_text *categories;
  size_t category_count;
  struct skillsmith_text source;
} skillsmith_skill_details;

typedef int (*skillsmith_token_callback)(void *user_data,
                                         int refused,
                                         struct skillsmith_token_call *call);

typedef void (*skillsmith_destroy_callback)(void *user_data);

typedef void (*skillsmith_log_callback)(void *user_data,
                                        skillsmith_log_level level,
                                        const char *target,
                                        const char *message);

typedef struct skillsmith_client_options {
  size_t struct_size;
  const char *base_url;
  const char *anon_key;
  const char *api_key;
  const char *jwt_token;
  uint64_t timeout_ms;
  int max_retries;
  skillsmith_switch offline;
  skillsmith_token_callback token;
  void *user_data;
  skillsmith_destroy_callback destroy;
  skillsmith_log_callback log;
  void *log_user_data;
  skillsmith_destroy_callback log_destroy;
  skillsmith_switch allow_insecure_http;
} skillsmith_client_options;

typedef struct skillsmith_search_options {
  size_t struct_size;
  const char *query;
  const char *category;
  const char *trust_tier;
  double min_score;
  uint32_t limit;
  uint64_t offset;
} skillsmith_search_options;

typedef int (*skillsmith_health_callback)(void *user_data, struct skillsmith_registry_call *call);

typedef struct skillsmith_page_request {
  struct skillsmith_text query;
  struct skillsmith_text trust_tier;
  uint32_t limit;
  uint64_t offset;
  double min_score;
} skillsmith_page_request;

typedef int (*skillsmith_search_callback)(void *user_data,
                                          const struct skillsmith_page_request *request,
                                          struct skillsmith_registry_call *call);

typedef struct skillsmith_sync_request {
  struct skillsmith_text since;
  uint32_t limit;
  uint64_t offset;
} skillsmith_sync_request;

typedef int (*skillsmith_sync_registry_callback)(void *user_data,
                                                 const struct skillsmith_sync_request *request,
                                                 struct skillsmith_registry_call *call);

typedef struct skillsmith_registry_callbacks {
  size_t struct_size;
  skillsmith_health_callback health;
  skillsmith_search_callback search;
  void *user_data;
  skillsmith_destroy_callback destroy;
  skillsmith_sync_registry_callback sync_registry;
} skillsmith_registry_callbacks;

typedef struct skillsmith_sync_progress {
  skillsmith_sync_phase phase;
  uint64_t current;
  uint64_t total;
  uint64_t skills_processed;
  uint64_t skills_changed;
  const char *message;
} skillsmith_sync_progress;

typedef int (*skillsmith_progress_callback)(void *user_data,
                                            const struct skillsmith_sync_progress *progress);

typedef struct skillsmith_sync_options {
  size_t struct_size;
  int force;
  int dry_run;
  uint32_t page_size;
  uint64_t deadline_ms;
  skillsmith_progress_callback on_progress;
  void *user_data;
  const struct skillsmith_cancel_token *cancel;
  skillsmith_listing listing;
  uint64_t full_listing_every_ms;
  uint64_t request_budget;
  uint64_t monthly_request_budget;
  int prune;
} skillsmith_sync_options;

typedef struct skillsmith_sync_result {
  bool success;
  bool dry_run;
  skillsmith_sync_status status;
  skillsmith_status code;
  skillsmith_coverage coverage;
  uint64_t skills_added;
  uint64_t skills_updated;
  uint64_t skills_unchanged;
  uint64_t skills_rejected;
  uint64_t total_processed;
  uint64_t duration_ms;
  const struct skillsmith_text *errors;
  size_t error_count;
  const struct skillsmith_text *warnings;
  size_t warning_count;
  uint64_t requests;
  uint64_t skills_removed;
} skillsmith_sync_result;

typedef struct skillsmith_engine_status {
  const struct skillsmith_sync_config *config;
  const struct skillsmith_sync_history_entry *last_run;
  bool is_running;
  bool is_due;
  uint64_t requests_this_month;
  int64_t request_budget;
  struct skillsmith_text paused_until;
} skillsmith_engine_status;

typedef void (*skillsmith_sync_complete_callback)(void *user_data,
                                                  const struct skillsmith_sync_result *result);

typedef void (*skillsmith_sync_error_callback)(void *user_data, const char *message);

typedef struct skillsmith_background_options {
  size_t struct_size;
  uint64_t check_interval_ms;
  skillsmith_switch sync_on_start;
  skillsmith_sync_complete_callback on_sync_complete;
  skillsmith_sync_error_callback on_sync_error;
  void *user_data;
  skillsmith_destroy_callback destroy;
  skillsmith_listing listing;
} skillsmith_background_options;

typedef struct skillsmith_background_sync_state {
  bool is_started;
  bool is_running;
  const struct skillsmith_sync_result *last_result;
  struct skillsmith_text last_error;
  uint64_t checks_performed;
  uint64_t syncs_triggered;
} skillsmith_background_sync_state;

uint32_t skillsmith_abi_version(void);

const char *skillsmith_version_string(void);

uint32_t skillsmith_version_number(void);

const char *skillsmith_status_name(skillsmith_status status);

bool skillsmith_status_is_retryable(skillsmith_status status);

skillsmith_status skillsmith_error_code(const struct skillsmith_error *error);

const char *skillsmith_error_name(const struct skillsmith_error *error);

const char *skillsmith_error_message(const struct skillsmith_error *error);

bool skillsmith_error_is_retryable(const struct skillsmith_error *error);

int64_t skillsmith_error_retry_at_ms(const struct skillsmith_error *error);

skillsmith_status skillsmith_error_free(struct skillsmith_error *error);

skillsmith_status skillsmith_string_free(char *string);

size_t skillsmith_live_objects(void);

skillsmith_status skillsmith_cancel_token_new(struct skillsmith_cancel_token **out_token,
                                              struct skillsmith_error **out_error);

skillsmith_status skillsmith_cancel_token_cancel(const struct skillsmith_cancel_token *token);

skillsmith_status skillsmith_cancel_token_raise(const struct skillsmith_cancel_token *token);

bool skillsmith_cancel_token_is_cancelled(const struct skillsmith_cancel_token *token);

skillsmith_status skillsmith_cancel_token_free(struct skillsmith_cancel_token *token);

skillsmith_status skillsmith_database_open(const char *path,
                                           const struct skillsmith_open_options *options,
                                           struct skillsmith_database **out_database,
                                           struct skillsmith_error **out_error);

skillsmith_status skillsmith_database_open_in_memory(struct skillsmith_database **out_database,
                                                     struct skillsmith_error **out_error);

skillsmith_status skillsmith_default_database_path(char **out_path,
                                                   struct skillsmith_error **out_error);

skillsmith_status skillsmith_database_close(const struct skillsmith_database *database,
                                            struct skillsmith_error **out_error);

bool skillsmith_database_is_open(const struct skillsmith_database *database);

bool skillsmith_database_is_read_only(const struct skillsmith_database *database);

skillsmith_status skillsmith_database_name(const struct skillsmith_database *database,
                                           char **out_name,
                                           struct skillsmith_error **out_error);

skillsmith_status skillsmith_database_free(struct skillsmith_database *database);

skillsmith_status skillsmith_sync_config_repository_new(const struct skillsmith_database *database,
                                                        struct skillsmith_sync_config_repository **out_repository,
                                                        struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_config_repository_free(struct skillsmith_sync_config_repository *repository);

skillsmith_status skillsmith_sync_config_repository_get_config(const struct skillsmith_sync_config_repository *repository,
                                                               struct skillsmith_sync_config **out_config,
                                                               struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_config_repository_update_config(const struct skillsmith_sync_config_repository *repository,
                                                                  const struct skillsmith_sync_config_update *update,
                                                                  struct skillsmith_sync_config **out_config,
                                                                  struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_config_repository_set_last_sync(const struct skillsmith_sync_config_repository *repository,
                                                                  const char *timestamp,
                                                                  int64_t count,
                                                                  struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_config_repository_set_last_sync_error(const struct skillsmith_sync_config_repository *repository,
                                                                        const char *message,
                                                                        struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_config_repository_clear_error(const struct skillsmith_sync_config_repository *repository,
                                                                struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_config_repository_calculate_next_sync(const struct skillsmith_sync_config_repository *repository,
                                                                        const char *last_sync_at,
                                                                        int64_t interval_ms,
                                                                        char **out_next_sync_at,
                                                                        struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_config_repository_is_sync_due(const struct skillsmith_sync_config_repository *repository,
                                                                bool *out_due,
                                                                struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_config_repository_get_request_budget(const struct skillsmith_sync_config_repository *repository,
                                                                       int64_t *out_budget,
                                                                       struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_config_repository_set_request_budget(const struct skillsmith_sync_config_repository *repository,
                                                                       int64_t budget,
                                                                       struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_config_repository_enable(const struct skillsmith_sync_config_repository *repository,
                                                           struct skillsmith_sync_config **out_config,
                                                           struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_config_repository_disable(const struct skillsmith_sync_config_repository *repository,
                                                            struct skillsmith_sync_config **out_config,
                                                            struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_config_repository_set_frequency(const struct skillsmith_sync_config_repository *repository,
                                                                  skillsmith_sync_frequency frequency,
                                                                  struct skillsmith_sync_config **out_config,
                                                                  struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_config_free(struct skillsmith_sync_config *config);

skillsmith_status skillsmith_sync_history_repository_new(const struct skillsmith_database *database,
                                                         struct skillsmith_sync_history_repository **out_repository,
                                                         struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_history_repository_free(struct skillsmith_sync_history_repository *repository);

skillsmith_status skillsmith_sync_history_repository_start_run(const struct skillsmith_sync_history_repository *repository,
                                                               char **out_id,
                                                               struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_history_repository_complete_run(const struct skillsmith_sync_history_repository *repository,
                                                                  const char *id,
                                                                  const struct skillsmith_sync_run_result *result,
                                                                  struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_history_repository_complete_run_partial(const struct skillsmith_sync_history_repository *repository,
                                                                          const char *id,
                                                                          const struct skillsmith_sync_run_result *result,
                                                                          const char *error_message,
                                                                          struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_history_repository_fail_run(const struct skillsmith_sync_history_repository *repository,
                                                              const char *id,
                                                              const char *error_message,
                                                              struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_history_repository_get_by_id(const struct skillsmith_sync_history_repository *repository,
                                                               const char *id,
                                                               struct skillsmith_sync_history_entry **out_entry,
                                                               struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_history_repository_get_history(const struct skillsmith_sync_history_repository *repository,
                                                                 uint32_t limit,
                                                                 struct skillsmith_sync_history_list **out_list,
                                                                 struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_history_repository_get_last_successful(const struct skillsmith_sync_history_repository *repository,
                                                                         struct skillsmith_sync_history_entry **out_entry,
                                                                         struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_history_repository_get_running(const struct skillsmith_sync_history_repository *repository,
                                                                 struct skillsmith_sync_history_list **out_list,
                                                                 struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_history_repository_is_running(const struct skillsmith_sync_history_repository *repository,
                                                                bool *out_running,
                                                                struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_history_repository_cleanup(const struct skillsmith_sync_history_repository *repository,
                                                             uint32_t days_to_keep,
                                                             uint64_t *out_deleted,
                                                             struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_history_repository_count(const struct skillsmith_sync_history_repository *repository,
                                                           int64_t *out_count,
                                                           struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_history_repository_get_stats(const struct skillsmith_sync_history_repository *repository,
                                                               struct skillsmith_sync_stats **out_stats,
                                                               struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_history_entry_free(struct skillsmith_sync_history_entry *entry);

skillsmith_status skillsmith_sync_history_list_free(struct skillsmith_sync_history_list *list);

skillsmith_status skillsmith_sync_stats_free(struct skillsmith_sync_stats *stats);

skillsmith_status skillsmith_skill_repository_new(const struct skillsmith_database *database,
                                                  struct skillsmith_skill_repository **out_repository,
                                                  struct skillsmith_error **out_error);

skillsmith_status skillsmith_skill_repository_free(struct skillsmith_skill_repository *repository);

skillsmith_status skillsmith_skill_repository_find_by_id(const struct skillsmith_skill_repository *repository,
                                                         const char *id,
                                                         struct skillsmith_skill **out_skill,
                                                         struct skillsmith_error **out_error);

skillsmith_status skillsmith_skill_repository_exists(const struct skillsmith_skill_repository *repository,
                                                     const char *id,
                                                     bool *out_exists,
                                                     struct skillsmith_error **out_error);

skillsmith_status skillsmith_skill_repository_count(const struct skillsmith_skill_repository *repository,
                                                    int64_t *out_count,
                                                    struct skillsmith_error **out_error);

skillsmith_status skillsmith_skill_free(struct skillsmith_skill *skill);

skillsmith_status skillsmith_skill_repository_freshness(const struct skillsmith_skill_repository *repository,
                                                        struct skillsmith_freshness **out_freshness,
                                                        struct skillsmith_error **out_error);

skillsmith_status skillsmith_freshness_free(struct skillsmith_freshness *freshness);

skillsmith_status skillsmith_skill_repository_search(const struct skillsmith_skill_repository *repository,
                                                     const char *text,
                                                     const struct skillsmith_skill_search_options *options,
                                                     struct skillsmith_skill_search_results **out_results,
                                                     struct skillsmith_error **out_error);

skillsmith_status skillsmith_skill_repository_list(const struct skillsmith_skill_repository *repository,
                                                   const struct skillsmith_skill_list_options *options,
                                                   struct skillsmith_skill_page **out_page,
                                                   struct skillsmith_error **out_error);

skillsmith_status skillsmith_skill_repository_get(const struct skillsmith_skill_repository *repository,
                                                  const char *id,
                                                  struct skillsmith_skill_details **out_details,
                                                  struct skillsmith_error **out_error);

skillsmith_status skillsmith_skill_search_results_free(struct skillsmith_skill_search_results *results);

skillsmith_status skillsmith_skill_page_free(struct skillsmith_skill_page *page);

skillsmith_status skillsmith_skill_details_free(struct skillsmith_skill_details *details);

skillsmith_status skillsmith_token_call_set_token(const struct skillsmith_token_call *call,
                                                  const char *token);

skillsmith_status skillsmith_token_call_fail(const struct skillsmith_token_call *call,
                                             const char *message);

bool skillsmith_token_call_is_cancelled(const struct skillsmith_token_call *call);

skillsmith_status skillsmith_api_client_new(const struct skillsmith_client_options *options,
                                            struct skillsmith_api_client **out_client,
                                            struct skillsmith_error **out_error);

skillsmith_status skillsmith_api_client_free(struct skillsmith_api_client *client);

bool skillsmith_api_client_is_offline(const struct skillsmith_api_client *client);

skillsmith_status skillsmith_api_client_base_url(const struct skillsmith_api_client *client,
                                                 char **out_url,
                                                 struct skillsmith_error **out_error);

skillsmith_status skillsmith_api_client_check_health(const struct skillsmith_api_client *client,
                                                     const struct skillsmith_cancel_token *cancel,
                                                     skillsmith_health *out_health,
                                                     struct skillsmith_error **out_error);

skillsmith_status skillsmith_api_client_search(const struct skillsmith_api_client *client,
                                               const struct skillsmith_search_options *options,
                                               const struct skillsmith_cancel_token *cancel,
                                               char **out_json,
                                               struct skillsmith_error **out_error);

skillsmith_status skillsmith_registry_new(const char *name,
                                          const struct skillsmith_registry_callbacks *callbacks,
                                          struct skillsmith_registry **out_registry,
                                          struct skillsmith_error **out_error);

skillsmith_status skillsmith_registry_free(struct skillsmith_registry *registry);

skillsmith_status skillsmith_registry_set_offline(const struct skillsmith_registry *registry,
                                                  int offline);

bool skillsmith_registry_call_is_cancelled(const struct skillsmith_registry_call *call);

skillsmith_status skillsmith_registry_call_wait(const struct skillsmith_registry_call *call,
                                                uint64_t milliseconds);

skillsmith_status skillsmith_registry_call_set_page(const struct skillsmith_registry_call *call,
                                                    const char *json,
                                                    size_t length,
                                                    struct skillsmith_error **out_error);

skillsmith_status skillsmith_registry_call_fail(const struct skillsmith_registry_call *call,
                                                skillsmith_status status,
                                                const char *message);

skillsmith_status skillsmith_registry_call_fail_http(const struct skillsmith_registry_call *call,
                                                     int http_status,
                                                     int64_t retry_after_ms,
                                                     const char *detail);

skillsmith_status skillsmith_sync_engine_new(const struct skillsmith_api_client *client,
                                             const struct skillsmith_database *database,
                                             struct skillsmith_sync_engine **out_engine,
                                             struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_engine_new_with_registry(const struct skillsmith_registry *registry,
                                                           const struct skillsmith_database *database,
                                                           struct skillsmith_sync_engine **out_engine,
                                                           struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_engine_free(struct skillsmith_sync_engine *engine);

skillsmith_status skillsmith_sync_engine_sync(const struct skillsmith_sync_engine *engine,
                                              const struct skillsmith_sync_options *options,
                                              struct skillsmith_sync_result **out_result,
                                              struct skillsmith_error **out_error);

skillsmith_status skillsmith_sync_engine_get_status(const struct skillsmith_sync_engine *engine,
                                                    struct skillsmith_engine_status **out_status,
                                                    struct skillsmith_error **out_error);

bool skillsmith_sync_engine_is_offline(const struct skillsmith_sync_engine *engine);

skillsmith_status skillsmith_sync_result_free(struct skillsmith_sync_result *result);

skillsmith_status skillsmith_engine_status_free(struct skillsmith_engine_status *status);

skillsmith_status skillsmith_background_sync_service_new(const struct skillsmith_sync_engine *engine,
                                                         const struct skillsmith_background_options *options,
                                                         struct skillsmith_background_sync_service **out_service,
                                                         struct skillsmith_error **out_error);

skillsmith_status skillsmith_start_background_sync(const struct skillsmith_database *database,
                                                   const struct skillsmith_client_options *client_options,
                                                   const struct skillsmith_background_options *options,
                                                   struct skillsmith_background_sync_service **out_service,
                                                   struct skillsmith_error **out_error);

skillsmith_status skillsmith_background_sync_service_start(const struct skillsmith_background_sync_service *service,
                                                           struct skillsmith_error **out_error);

skillsmith_status skillsmith_background_sync_service_stop(const struct skillsmith_background_sync_service *service,
                                                          struct skillsmith_error **out_error);

skillsmith_status skillsmith_background_sync_service_get_state(const struct skillsmith_background_sync_service *service,
                                                               struct skillsmith_background_sync_state **out_state,
                                                               struct skillsmith_error **out_error);

skillsmith_status skillsmith_background_sync_service_manual_sync(const struct skillsmith_background_sync_service *service,
                                                                 struct skillsmith_sync_result **out_result,
                                                                 struct skillsmith_error **out_error);

bool skillsmith_background_sync_service_is_sync_running(const struct skillsmith_background_sync_service *service);

bool skillsmith_background_sync_service_is_service_started(const struct skillsmith_background_sync_service *service);

skillsmith_status skillsmith_background_sync_service_free(struct skillsmith_background_sync_service *service);

skillsmith_status skillsmith_background_sync_state_free(struct skillsmith_background_sync_state *state);
