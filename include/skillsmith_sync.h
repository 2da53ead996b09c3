/*
 skillsmith-sync: keeps a local Skillsmith skill database up to date with the live
 registry. For C99, C++ and whatever can call C.

 Generated from bindings/c/src by cbindgen; not to be edited.

 A FIRST PROGRAM

    #include <stdio.h>
    #include <skillsmith_sync.h>

    int main(void) {
      skillsmith_database *database = NULL;
      skillsmith_api_client *client = NULL;
      skillsmith_sync_engine *engine = NULL;
      skillsmith_sync_result *result = NULL;
      skillsmith_error *error = NULL;

      if (skillsmith_database_open(NULL, NULL, &database, &error) == SKILLSMITH_OK &&
          skillsmith_api_client_new(NULL, &client, &error) == SKILLSMITH_OK &&
          skillsmith_sync_engine_new(client, database, &engine, &error) == SKILLSMITH_OK &&
          skillsmith_sync_engine_sync(engine, NULL, &result, &error) == SKILLSMITH_OK) {
        printf("%llu new, %llu updated\n", (unsigned long long)result->skills_added,
               (unsigned long long)result->skills_updated);
        if (result->error_count > 0) printf("%s\n", result->errors[0].data);
      }
      if (error != NULL) fprintf(stderr, "%s\n", skillsmith_error_message(error));

      skillsmith_error_free(error);
      skillsmith_sync_result_free(result);
      skillsmith_sync_engine_free(engine);
      skillsmith_api_client_free(client);
      skillsmith_database_free(database);
      return 0;
    }

 CALLS AND ERRORS

 A function that can fail returns a skillsmith_status: SKILLSMITH_OK (0) or the number of
 an error. Inputs come first, outputs last. An output is emptied on entry (NULL, 0, false)
 and holds a value only after SKILLSMITH_OK. The very last parameter, out_error, may be
 NULL; otherwise a function that fails puts an error there that the caller frees. An error
 that a call finds there is not freed but overwritten: free it, or pass another variable.
 Functions that return a value themselves name what they return where there is none.

 NULL: every *_free function takes it and does nothing. Where a pointer may be NULL, the
 function says so. Everywhere else it is SKILLSMITH_NULL_ARGUMENT, and nothing is done.

 WHO FREES WHAT

 - Handles (incomplete types: skillsmith_database, skillsmith_error ...) are freed by the
   function of their name. A handle is a number that looks like a pointer; it never points
   to memory. A handle that was freed already, is of another type or never was one is
   refused with SKILLSMITH_INVALID_HANDLE by every function, the freeing ones included.
   Handles may be freed in any order, and while another thread is in a call with them: what
   is made from another (an engine from a database) keeps what it needs.
 - Records (structures that a function gives through a pointer to a pointer, such as
   skillsmith_sync_config) are real memory, with all that they point to. They are
   snapshots: nothing changes them. Read them, do not write them, and free the record
   itself. Freeing one twice is refused with SKILLSMITH_INVALID_HANDLE, unless its address
   belongs to a new record by then.
 - Strings that are given through a char ** are freed with skillsmith_string_free, and
   refused in the same way.
 - What a function returns as const char * is never freed; it says how long it lives.
 - What a callback is given lives until the callback returns, and is never freed by it.
 skillsmith_live_objects() says how much is not freed yet, for leak tests.

 Texts in are NUL-terminated UTF-8, checked and copied before the function returns; a file
 path is one, too. Texts out are UTF-8. In records they come as skillsmith_text, with their
 length, since a database may hold U+0000.

 OPTIONS

 A structure of options begins with struct_size. Set it to sizeof of the structure and
 everything that you do not want to change to zero, which is the default of every member
 (in C++ write {} for {0}):

    skillsmith_sync_options options = {0};
    options.struct_size = sizeof options;
    options.force = 1;

 Later versions add members at the end only. A library that is older than the header
 refuses with SKILLSMITH_INVALID_ARGUMENT what it does not know, unless that is zero.

 BLOCKING, THREADS AND CALLBACKS

 Every function may be called from any thread, and every handle be shared between threads,
 without a lock of the caller's. Functions that block say on what: the network (sync,
 manual_sync, check_health, search), or the disk, shortly. A call that writes may wait for
 another program that writes, for at most the busy budget of its database. stop and the
 free of a service wait for its thread and for its callbacks, on whichever thread these run;
 from one of its callbacks they do not wait.

 Callbacks run on these threads:
   on_progress                     the thread that called skillsmith_sync_engine_sync
   on_sync_complete, on_sync_error the service's own, or that of a manual sync
   health, search                  a thread of the engine's, made for the run
   destroy                         the last one that used what it belongs to
 No lock is held and no transaction is open meanwhile. A callback may call any function of
 this library, and free any handle. It must return: no C++ exception, longjmp or thread
 exit may leave it. Its user data has to bear the threads it is used on.

 Threads of the library are named skillsmith-... and take the signal mask of the thread
 that has made them. None keeps the process alive: a program may end at any moment and
 loses nothing; the next sync goes on.

 SIGNALS

 skillsmith_cancel_token_raise and skillsmith_abi_version are the only functions that a
 signal handler may call. The library installs no handlers and changes no disposition: a
 host that has a limit of file sizes (ulimit -f) ignores SIGXFSZ itself, so that a write
 beyond it fails with SKILLSMITH_IO_ERROR. The library never writes to stdout or stderr,
 and never ends the process: a bug of its own becomes SKILLSMITH_INTERNAL.

 OUT OF MEMORY

 Where the system gives no more memory, a call fails with SKILLSMITH_OUT_OF_MEMORY, and a
 run ends with that code. What was written is kept, and the same call works once there is
 memory again. The library has a reserve of 6.5 MB for the way out, which takes no memory
 before it is needed. Two things still end the process: more than that reserve, or than
 512 KB in one piece, that is gone between the moment in which the library asks whether
 there is enough and the moment in which it needs it; and the runtimes of C and Rust,
 where they have not even the few dozen bytes for what belongs to a new thread. A system
 that promises more memory than it has (Linux, usually) may also end the process, without
 an allocation that fails.

 FORK

 A child that was made by fork() without exec can use nothing that its parent opened or
 made: calls with a handle return SKILLSMITH_OPENED_BEFORE_FORK, and freeing anything of
 the parent's is refused and does nothing. It may open and make its own. The parent goes on
 as if nothing had happened.

 UNLOADING

 dlclose leaves the shared library in place: a request that a cancelled run has left behind
 ends on a thread of its own. A plugin that has the static library in it must not be
 unloaded either (link it with -z nodelete).

 ANOTHER SQLITE IN THE PROCESS

 A program that has the same database open through its own SQLite may go on using it while
 this library opens, syncs and closes it; neither loses a commit or a lock to the other.
 Where the system has no locks that allow this, opening such a file fails with
 SKILLSMITH_DATABASE_IN_USE (310) instead. The library's own SQLite is not visible outside.

 STABILITY

 SKILLSMITH_ABI_VERSION is raised with any change that breaks a program compiled before.
 Within one number: functions, options and the numbers of errors are only added; records
 grow at their end only, so never rely on their size, copy them or put them into arrays.
 Check at the start that skillsmith_abi_version() == SKILLSMITH_ABI_VERSION.
 */

#ifndef SKILLSMITH_SYNC_H
#define SKILLSMITH_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SKILLSMITH_VERSION_MAJOR 0
#define SKILLSMITH_VERSION_MINOR 1
#define SKILLSMITH_VERSION_PATCH 0
#define SKILLSMITH_VERSION_NUMBER 1000
#define SKILLSMITH_VERSION "0.1.0"
/* Compare with skillsmith_abi_version(). */
#define SKILLSMITH_ABI_VERSION 1

/*
 What a function returns: `SKILLSMITH_OK`, or the number of an error.

 The hundreds tell the area: 1xx the caller, 2xx the network, 3xx the database, 4xx
 the registry's protocol, 9xx this library. Numbers never change their meaning. Later
 versions add some, so that a `switch` needs a `default`.
 */
enum skillsmith_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /* It worked. */
  SKILLSMITH_OK = 0,
  /* An argument cannot be used; nothing was changed. */
  SKILLSMITH_INVALID_ARGUMENT = 101,
  /* The run id names no entry of the history. */
  SKILLSMITH_RUN_NOT_FOUND = 102,
  /* Another sync of this database is under way, here or in another process. */
  SKILLSMITH_SYNC_IN_PROGRESS = 103,
  /* Stopped on request. */
  SKILLSMITH_CANCELLED = 104,
  /* The database was closed by the caller. */
  SKILLSMITH_DATABASE_CLOSED = 105,
  /* The handle was made by the process that this one was forked from. */
  SKILLSMITH_OPENED_BEFORE_FORK = 106,
  /* A callback of the host, or the registry that it supplies, failed. */
  SKILLSMITH_HOST_ERROR = 107,
  /* A pointer that is needed is NULL. */
  SKILLSMITH_NULL_ARGUMENT = 108,
  /* The handle, string or record was freed already, or never was one. */
  SKILLSMITH_INVALID_HANDLE = 109,
  /* Offline mode is on. */
  SKILLSMITH_OFFLINE = 201,
  /* The registry says of itself that it cannot serve, or cannot be reached. */
  SKILLSMITH_API_UNHEALTHY = 202,
  /* No connection, or a cut one. */
  SKILLSMITH_NETWORK_UNREACHABLE = 203,
  /* A network deadline ran out. */
  SKILLSMITH_NETWORK_TIMEOUT = 204,
  /* Too many requests; the error knows when to come back. */
  SKILLSMITH_RATE_LIMITED = 205,
  /* The plan's monthly quota is used up. */
  SKILLSMITH_QUOTA_EXCEEDED = 206,
  /* A key is missing or wrong. */
  SKILLSMITH_UNAUTHORIZED = 207,
  /* The key does not allow it. */
  SKILLSMITH_FORBIDDEN = 208,
  /* The registry fails (5xx). */
  SKILLSMITH_SERVER_ERROR = 209,
  /* The run's own deadline came before the end of the listing. */
  SKILLSMITH_RUN_DEADLINE = 210,
  /* The registry gives its listing to certain plans only, and the caller has another one. */
  SKILLSMITH_PLAN_REQUIRED = 211,
  /* SQLite failed in a way that has no number of its own. */
  SKILLSMITH_DATABASE_ERROR = 301,
  /* Another program kept the write lock for longer than the busy budget. */
  SKILLSMITH_DATABASE_BUSY = 302,
  /* The file is no SQLite database. It was not changed. */
  SKILLSMITH_NOT_A_DATABASE = 303,
  /* The file is a damaged SQLite database. It was not changed. */
  SKILLSMITH_DATABASE_DAMAGED = 304,
  /* The file is some other program's database. It was not changed. */
  SKILLSMITH_NOT_SKILLSMITH = 305,
  /* The operating system refuses to read, write or create the file. */
  SKILLSMITH_PERMISSION_DENIED = 306,
  /* The database was opened read-only. */
  SKILLSMITH_READ_ONLY = 307,
  /* No space left. */
  SKILLSMITH_DISK_FULL = 308,
  /* Another failure of the file system. */
  SKILLSMITH_IO_ERROR = 309,
  /* Another SQLite of this process has the file open, and the two cannot be kept apart. */
  SKILLSMITH_DATABASE_IN_USE = 310,
  /*
   The file was replaced, moved or deleted by another program while it was in use; the next call
   uses the file that is there then.
   */
  SKILLSMITH_DATABASE_REPLACED = 311,
  /* Too many files are open, in this process or in the system. */
  SKILLSMITH_TOO_MANY_FILES = 312,
  /* The registry's answer cannot be understood. */
  SKILLSMITH_PROTOCOL_ERROR = 401,
  /* The registry refuses the request. */
  SKILLSMITH_REQUEST_REFUSED = 402,
  /* The registry redirects to somewhere else, which is not followed. */
  SKILLSMITH_REDIRECT_REFUSED = 403,
  /* The registry's answer is over the size bound. */
  SKILLSMITH_RESPONSE_TOO_LARGE = 404,
  /* A bug of this library, caught before it could do harm. Please report it. */
  SKILLSMITH_INTERNAL = 901,
  /* The system gives no more memory, or no more threads. */
  SKILLSMITH_OUT_OF_MEMORY = 902,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum skillsmith_status skillsmith_status;
#else
typedef int32_t skillsmith_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* How often a sync becomes due. */
enum skillsmith_sync_frequency
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /* Only in options: as it is. */
  SKILLSMITH_SYNC_FREQUENCY_DEFAULT = 0,
  /* Every 24 hours (86400000 ms). */
  SKILLSMITH_SYNC_FREQUENCY_DAILY = 1,
  /* Every 7 days (604800000 ms). */
  SKILLSMITH_SYNC_FREQUENCY_WEEKLY = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum skillsmith_sync_frequency skillsmith_sync_frequency;
#else
typedef int32_t skillsmith_sync_frequency;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* How a run stands or ended. */
enum skillsmith_sync_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /* Under way. */
  SKILLSMITH_SYNC_STATUS_RUNNING = 1,
  /* Every valid row of the registry is stored. */
  SKILLSMITH_SYNC_STATUS_SUCCESS = 2,
  /* Ended early or did not begin; what was written is kept. */
  SKILLSMITH_SYNC_STATUS_FAILED = 3,
  /* Something succeeded and something did not; the message tells. */
  SKILLSMITH_SYNC_STATUS_PARTIAL = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum skillsmith_sync_status skillsmith_sync_status;
#else
typedef int32_t skillsmith_sync_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* How a registry is. */
enum skillsmith_health
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /* It was not asked. */
  SKILLSMITH_HEALTH_UNKNOWN = 0,
  /* It serves. */
  SKILLSMITH_HEALTH_HEALTHY = 1,
  /* It serves, with trouble. */
  SKILLSMITH_HEALTH_DEGRADED = 2,
  /* It says that it does not serve. */
  SKILLSMITH_HEALTH_UNHEALTHY = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum skillsmith_health skillsmith_health;
#else
typedef int32_t skillsmith_health;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 What a run is doing.

 They appear first in this order; fetching and upserting then alternate, since pages
 are written as they come.
 */
enum skillsmith_sync_phase
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /* Asking the registry how it is. */
  SKILLSMITH_SYNC_PHASE_CONNECTING = 1,
  /* Reading pages. */
  SKILLSMITH_SYNC_PHASE_FETCHING = 2,
  /* Telling what has changed. */
  SKILLSMITH_SYNC_PHASE_COMPARING = 3,
  /* Writing. */
  SKILLSMITH_SYNC_PHASE_UPSERTING = 4,
  /* Done; the last one of every run that listed the registry to its end. */
  SKILLSMITH_SYNC_PHASE_COMPLETE = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum skillsmith_sync_phase skillsmith_sync_phase;
#else
typedef int32_t skillsmith_sync_phase;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* Whether the listing could show everything. */
enum skillsmith_coverage
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /* The registry was listed whole. */
  SKILLSMITH_COVERAGE_COMPLETE = 1,
  /* It could be asked by search words only, or did not stand still while it was read. */
  SKILLSMITH_COVERAGE_BEST_EFFORT = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum skillsmith_coverage skillsmith_coverage;
#else
typedef int32_t skillsmith_coverage;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/* A switch that may also be left as it is. 0 is not "off". */
enum skillsmith_switch
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /* Whatever it would be without this option. */
  SKILLSMITH_SWITCH_DEFAULT = 0,
  /* On. */
  SKILLSMITH_SWITCH_ON = 1,
  /* Off. */
  SKILLSMITH_SWITCH_OFF = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum skillsmith_switch skillsmith_switch;
#else
typedef int32_t skillsmith_switch;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 Asks the live registry.

 Any thread may use it, and several engines may share it.
 */
typedef struct skillsmith_api_client skillsmith_api_client;

/*
 Syncs while it is started: when enabled and due, and not while it waits after a failure
 (backoff).

 Any thread may use it.
 */
typedef struct skillsmith_background_sync_service skillsmith_background_sync_service;

/*
 Asks for the end of what runs with it. It cannot be used again once it is cancelled.

 One token may go with several calls, which all end with it.
 */
typedef struct skillsmith_cancel_token skillsmith_cancel_token;

/*
 An open database.

 Any thread may use it; short calls wait for each other. A sync has a connection of
 its own, so that short calls never wait for a whole run. Repositories, engines and
 services made from it keep it open after its handle is freed.
 */
typedef struct skillsmith_database skillsmith_database;

/*
 What went wrong: a code, a text for the person who has to act on it, and more.

 Given through the last parameter of a function that fails, where that is not NULL.
 No text contains a credential.
 */
typedef struct skillsmith_error skillsmith_error;

/*
 A registry behind callbacks of the host.

 Any thread may use it, and several engines may share it.
 */
typedef struct skillsmith_registry skillsmith_registry;

/*
 One call of a callback of a registry: where it puts its answer, and asks whether it
 is still wanted.

 It lives until the callback returns; any thread may use it until then.
 */
typedef struct skillsmith_registry_call skillsmith_registry_call;

/*
 Looks skills up in one database.

 Any thread may use it. Every call is short and blocks on the disk only.
 */
typedef struct skillsmith_skill_repository skillsmith_skill_repository;

/*
 Reads and changes the configuration of one database.

 Any thread may use it. Every call is short and blocks on the disk only.
 */
typedef struct skillsmith_sync_config_repository skillsmith_sync_config_repository;

/*
 Brings a database up to date with a registry.

 Any thread may use it. One sync at a time runs on a database, across all engines and
 processes; a second one returns at once.
 */
typedef struct skillsmith_sync_engine skillsmith_sync_engine;

/*
 Reads and writes the history of one database.

 Any thread may use it. Every call is short and blocks on the disk only.
 */
typedef struct skillsmith_sync_history_repository skillsmith_sync_history_repository;

/* How a database is opened. Zero in a member means its default. */
typedef struct skillsmith_open_options {
  /* `sizeof(skillsmith_open_options)`. */
  size_t struct_size;
  /*
   Not 0: never write anything into the file; it must exist then. Default: 0.

   SQLite may leave an empty `-wal` and its `-shm` beside a file in WAL mode that
   nobody else has open: it cannot take them away without the right to write.
   */
  int read_only;
  /*
   How many milliseconds a short call waits while another program writes, before it
   fails with `DATABASE_BUSY`. Negative: it does not wait. Default: 5000.
   */
  int64_t busy_budget_ms;
} skillsmith_open_options;

/*
 A text inside a record.

 The layout of this structure never changes.
 */
typedef struct skillsmith_text {
  /*
   UTF-8 with a NUL behind it; NULL where there is no text. It belongs to the record
   and lives as long.
   */
  const char *data;
  /*
   Its length in bytes, without the NUL behind it. A text of a database may hold
   U+0000: then `strlen(data)` is less.
   */
  size_t length;
} skillsmith_text;

/*
 The configuration as it stood when it was asked for.

 Times are ISO 8601 text, as they stand in the database.
 */
typedef struct skillsmith_sync_config {
  /* Always "default". */
  struct skillsmith_text id;
  /* Whether the background service syncs by itself. */
  bool enabled;
  /* How often. */
  skillsmith_sync_frequency frequency;
  /* Milliseconds between two syncs. */
  int64_t interval_ms;
  /* When the last complete sync started; none before the first. */
  struct skillsmith_text last_sync_at;
  /* When the next one is due; none: at once. */
  struct skillsmith_text next_sync_at;
  /* Skills added and updated by the last complete sync. */
  int64_t last_sync_count;
  /* Why the last sync failed; none if it did not. */
  struct skillsmith_text last_sync_error;
  /* When the row was made, as SQLite wrote it (UTC). */
  struct skillsmith_text created_at;
  /* When it was last changed, likewise. */
  struct skillsmith_text updated_at;
} skillsmith_sync_config;

/*
 What `skillsmith_sync_config_repository_update_config` changes. Zero in a member
 leaves the setting as it is.
 */
typedef struct skillsmith_sync_config_update {
  /* `sizeof(skillsmith_sync_config_update)`. */
  size_t struct_size;
  /* Switch automatic syncing on or off. */
  skillsmith_switch enabled;
  /* Change how often; the next sync moves accordingly. */
  skillsmith_sync_frequency frequency;
} skillsmith_sync_config_update;

/* What a run did, for its entry. */
typedef struct skillsmith_sync_run_result {
  /* `sizeof(skillsmith_sync_run_result)`. */
  size_t struct_size;
  /* Skills that were new here. */
  uint64_t skills_added;
  /* Skills that were changed. */
  uint64_t skills_updated;
  /* Skills that stood here as the registry has them. */
  uint64_t skills_unchanged;
} skillsmith_sync_run_result;

/*
 One entry of the history, as it stood when it was asked for.

 Times are ISO 8601 text, as they stand in the database.
 */
typedef struct skillsmith_sync_history_entry {
  /* `sync-YYYYMMDDHHMMSS-` and six random characters. */
  struct skillsmith_text id;
  /* When the run started. */
  struct skillsmith_text started_at;
  /* When it ended; none while it runs. */
  struct skillsmith_text completed_at;
  /* How it stands or ended. */
  skillsmith_sync_status status;
  /* Skills that were new here. */
  int64_t skills_added;
  /* Skills that were changed. */
  int64_t skills_updated;
  /* Skills that stood here already. */
  int64_t skills_unchanged;
  /* What went wrong, if anything did. */
  struct skillsmith_text error_message;
  /* How long it took, in milliseconds; -1 while it runs. */
  int64_t duration_ms;
  /* When the entry was made, as SQLite wrote it (UTC). */
  struct skillsmith_text created_at;
} skillsmith_sync_history_entry;

/* Entries of the history. */
typedef struct skillsmith_sync_history_list {
  /*
   As many pointers as `count` says; NULL where there are none. The entries belong to
   the list: they are not freed one by one.
   */
  const struct skillsmith_sync_history_entry *const *entries;
  /* How many. */
  size_t count;
} skillsmith_sync_history_list;

/* Figures over the whole history. */
typedef struct skillsmith_sync_stats {
  /* Entries in all. */
  int64_t total_runs;
  /* Those that succeeded. */
  int64_t successful_runs;
  /* Those that failed. */
  int64_t failed_runs;
  /* When the last one succeeded; none if none did. */
  struct skillsmith_text last_success_at;
  /* Mean duration of the successful ones in milliseconds, rounded; -1 if there is none. */
  int64_t average_duration_ms;
} skillsmith_sync_stats;

/* A skill as it stood in the database when it was asked for. */
typedef struct skillsmith_skill {
  /* The registry's id. */
  struct skillsmith_text id;
  /* The name. */
  struct skillsmith_text name;
  /* What it does. */
  struct skillsmith_text description;
  /* Who wrote it. */
  struct skillsmith_text author;
  /* Where it lives. */
  struct skillsmith_text repo_url;
  /* Whether it has a score. */
  bool has_quality_score;
  /* From 0 to 1; 0 where it has none. */
  double quality_score;
  /* How far it is trusted; "unknown" where nothing is stored. */
  struct skillsmith_text trust_tier;
  /* Its tags; NULL where it has none. */
  const struct skillsmith_text *tags;
  /* How many tags. */
  size_t tag_count;
  /* When it was made, as stored. */
  struct skillsmith_text created_at;
  /* When it was last changed, as stored. */
  struct skillsmith_text updated_at;
  /* Whether it can be installed; false where nothing is stored. */
  bool installable;
  /* Whether the host's own security scan has given it a score. */
  bool has_risk_score;
  /* That score, from 0 to 100; 0 where it has none. */
  int64_t risk_score;
  /* How much that scan has found. */
  int64_t security_findings_count;
  /* When that scan was made, as stored; none before one. */
  struct skillsmith_text security_scanned_at;
  /* Whether that scan has come to a verdict. */
  bool has_security_verdict;
  /* Whether it passed; false where there is no verdict. */
  bool security_passed;
} skillsmith_skill;

/*
 How the registry is asked. Zero in a member means its default.

 The texts are copied.
 */
typedef struct skillsmith_client_options {
  /* `sizeof(skillsmith_client_options)`. */
  size_t struct_size;
  /*
   The registry's address, such as `https://host/functions/v1`. Default:
   `SKILLSMITH_API_URL`, `SUPABASE_URL` + `/functions/v1`, `apiBaseUrl` in
   `~/.skillsmith/config.json`, or the live service.
   */
  const char *base_url;
  /* The anonymous key. Default: `SUPABASE_ANON_KEY`. */
  const char *anon_key;
  /* The API key. Default: `SKILLSMITH_API_KEY`, or `apiKey` in that file. */
  const char *api_key;
  /* A token of a signed-in user; goes before the API key. Default: none. */
  const char *jwt_token;
  /*
   The longest wait for the headers of an answer, and again for its body, in
   milliseconds. Default: 30000.
   */
  uint64_t timeout_ms;
  /* Tries after the first one; negative: none. Default: 3. */
  int max_retries;
  /* Whether nothing may be sent. Default: `SKILLSMITH_OFFLINE_MODE`, else off. */
  skillsmith_switch offline;
} skillsmith_client_options;

/*
 Which page of the listing is wanted. Zero in a member means its default.

 The texts are copied.
 */
typedef struct skillsmith_search_options {
  /* `sizeof(skillsmith_search_options)`. */
  size_t struct_size;
  /*
   A search word. Default: none, which the live registry refuses unless one of the next
   three members is set.
   */
  const char *query;
  /* Only skills of this category. Default: of all. */
  const char *category;
  /* Only skills of this tier, such as "verified". Default: of all. */
  const char *trust_tier;
  /*
   Only skills with at least this quality score, in the registry's own measure.
   Negative: with at least 0, and so with any score. Default: all, those without a
   score too.
   */
  double min_score;
  /*
   Rows wanted; the registry may give fewer, and the live one gives 100 at most.
   Default: 100.
   */
  uint32_t limit;
  /* Rows to pass over. Default: 0. */
  uint64_t offset;
} skillsmith_search_options;

/*
 Says how the registry is: one of `skillsmith_health`.

 `SKILLSMITH_HEALTH_UNKNOWN`, or any other number, ends the run; say why with one of the
 `skillsmith_registry_call_fail` functions first.
 */
typedef int (*skillsmith_health_callback)(void *user_data, struct skillsmith_registry_call *call);

/* One page of a listing that is wanted. It lives until the callback returns. */
typedef struct skillsmith_page_request {
  /* A search word, where the registry has refused plain listings; none otherwise. */
  struct skillsmith_text query;
  /* Only skills of this tier; none: of all. */
  struct skillsmith_text trust_tier;
  /* Rows wanted; the registry may give fewer. */
  uint32_t limit;
  /* Rows to pass over. */
  uint64_t offset;
  /* Only skills with at least this score; negative: whatever their score, and without one. */
  double min_score;
} skillsmith_page_request;

/*
 Fetches one page of the listing.

 It gives the page with `skillsmith_registry_call_set_page`, or says what went wrong
 with one of the `skillsmith_registry_call_fail` functions, and returns 0. Any other
 return value is a failure, `HOST_ERROR`. Retries are its own: the engine goes on behind a
 page that has failed, asks for it once more at the end, in smaller pieces, and ends the
 run where three in a row have failed.
 */
typedef int (*skillsmith_search_callback)(void *user_data,
                                          const struct skillsmith_page_request *request,
                                          struct skillsmith_registry_call *call);

/* Ends the user data of callbacks, once the last of them has returned. */
typedef void (*skillsmith_destroy_callback)(void *user_data);

/*
 The callbacks of a registry.

 They run on a thread of the engine's, one after the other during a run. They may block
 on the network, and should return soon after the call was cancelled: a run that is
 stopped waits for a callback 100 ms at most and leaves it behind, so that the next run
 may begin before it has returned. They may call any function of this library.
 */
typedef struct skillsmith_registry_callbacks {
  /* `sizeof(skillsmith_registry_callbacks)`. */
  size_t struct_size;
  /* Asked at the start of a run. NULL: the registry is always healthy. */
  skillsmith_health_callback health;
  /* Asked for each page. Needed. */
  skillsmith_search_callback search;
  /* Passed to each callback. */
  void *user_data;
  /*
   Called once with the user data, when the registry and every engine that was made
   from it are freed and no callback runs any more; on whichever thread was the last
   to use it. May be NULL. Not called where `skillsmith_registry_new` fails.
   */
  skillsmith_destroy_callback destroy;
} skillsmith_registry_callbacks;

/* How a run gets on. It lives until the callback returns. */
typedef struct skillsmith_sync_progress {
  /* What it is doing. */
  skillsmith_sync_phase phase;
  /* Where it is: rows of the listing read, or changed rows written while upserting. */
  uint64_t current;
  /* Where it ends: rows of the listing, or changed rows found so far; 0 while unknown. */
  uint64_t total;
  /* Skills looked at so far. */
  uint64_t skills_processed;
  /* Skills found to be new or changed so far. */
  uint64_t skills_changed;
  /*
   The same in words, or why it waits; never NULL, but it may be "". A
   U+0000 in it is shown as U+FFFD.
   */
  const char *message;
} skillsmith_sync_progress;

/*
 Told how a run gets on, on the thread that called `skillsmith_sync_engine_sync`, while
 no lock is held and no transaction is open.

 0 lets the run go on; anything else ends it, as failed with `HOST_ERROR`. What was
 written is kept. It may call any function of this library; a sync of the same database
 finds this one under way (`SYNC_IN_PROGRESS`).
 */
typedef int (*skillsmith_progress_callback)(void *user_data,
                                            const struct skillsmith_sync_progress *progress);

/* How a sync is to be done. Zero in a member means its default. */
typedef struct skillsmith_sync_options {
  /* `sizeof(skillsmith_sync_options)`. */
  size_t struct_size;
  /*
   Not 0: compare the content of every row instead of its stamp, and ignore when the
   last sync was. Default: 0.
   */
  int force;
  /*
   Not 0: only count what would be done: no row, no history entry, no schedule.
   Default: 0.
   */
  int dry_run;
  /* Rows per page, up to 10000; the registry may give fewer. Default: 100. */
  uint32_t page_size;
  /*
   How many milliseconds the run may take; what it did not reach is left to the next
   one. Default: 1800000, 30 minutes.
   */
  uint64_t deadline_ms;
  /* Told how the run gets on. Default: nobody. */
  skillsmith_progress_callback on_progress;
  /* Passed to `on_progress`. */
  void *user_data;
  /* Stops the run. Default: nothing does. It may be freed meanwhile, and is not changed. */
  const struct skillsmith_cancel_token *cancel;
} skillsmith_sync_options;

/*
 What a run did.

 Always: added + updated + unchanged + rejected = processed.
 */
typedef struct skillsmith_sync_result {
  /* Whether everything went well. */
  bool success;
  /* Whether nothing was written. */
  bool dry_run;
  /* How the run ended, as in its history entry. */
  skillsmith_sync_status status;
  /* The code of the cause, where the run failed or ended early; else `SKILLSMITH_OK`. */
  skillsmith_status code;
  /* Whether the registry was listed whole. */
  skillsmith_coverage coverage;
  /* Skills that were new here. */
  uint64_t skills_added;
  /* Skills that were changed. */
  uint64_t skills_updated;
  /* Skills that stood here already, or are the user's own. */
  uint64_t skills_unchanged;
  /* Rows that could not be stored; `errors` names them. */
  uint64_t skills_rejected;
  /* Different skills that the registry served. */
  uint64_t total_processed;
  /* How long it took, in milliseconds. */
  uint64_t duration_ms;
  /*
   What went wrong: the cause of a failed run, and the first 20 rejected rows; NULL
   where nothing did.
   */
  const struct skillsmith_text *errors;
  /* How many errors. */
  size_t error_count;
  /*
   What the user may want to know of, though nothing is lost; NULL where there is
   nothing.
   */
  const struct skillsmith_text *warnings;
  /* How many warnings. */
  size_t warning_count;
} skillsmith_sync_result;

/* How things stand. */
typedef struct skillsmith_engine_status {
  /* The configuration; never NULL. It belongs to this record. */
  const struct skillsmith_sync_config *config;
  /* The last successful run; NULL if there is none. It belongs to this record. */
  const struct skillsmith_sync_history_entry *last_run;
  /* Whether a sync is under way, in this process or another. */
  bool is_running;
  /* Whether automatic syncing is on and the next sync is due. */
  bool is_due;
} skillsmith_engine_status;

/*
 Told of every sync of the service that was a success. The result lives until the
 callback returns, and is not to be freed.
 */
typedef void (*skillsmith_sync_complete_callback)(void *user_data,
                                                  const struct skillsmith_sync_result *result);

/*
 Told why a sync of the service was no success. The text is UTF-8, lives until the
 callback returns, and is not to be freed; a U+0000 in it is shown as U+FFFD.
 */
typedef void (*skillsmith_sync_error_callback)(void *user_data, const char *message);

/*
 How a service works. Zero in a member means its default.

 The callbacks run on the service's own thread, or on the thread that called
 `skillsmith_background_sync_service_manual_sync`, while no lock is held. They may call
 any function of this library: `_stop` and `_free` of the same service do not wait for
 the callback then.
 */
typedef struct skillsmith_background_options {
  /* `sizeof(skillsmith_background_options)`. */
  size_t struct_size;
  /* Milliseconds between two checks. Default: 60000. */
  uint64_t check_interval_ms;
  /* Whether it checks at once when started. Default: on. */
  skillsmith_switch sync_on_start;
  /* Told of every sync that was a success. Default: nobody. */
  skillsmith_sync_complete_callback on_sync_complete;
  /* Told why a sync was not. Default: nobody. */
  skillsmith_sync_error_callback on_sync_error;
  /* Passed to both callbacks. */
  void *user_data;
  /*
   Called once with the user data, when the service is freed and no callback runs any
   more; on whichever thread was the last to use it. May be NULL. Not called where
   the function that takes these options fails or makes no service.
   */
  skillsmith_destroy_callback destroy;
} skillsmith_background_options;

/* How a service stood when it was asked for. */
typedef struct skillsmith_background_sync_state {
  /* Whether it was started and not stopped since. */
  bool is_started;
  /* Whether a sync of its own is under way. */
  bool is_running;
  /* What the last sync did; NULL before the first. It belongs to this record. */
  const struct skillsmith_sync_result *last_result;
  /* Why the last sync or check failed; none if it did not. */
  struct skillsmith_text last_error;
  /* Checks made. */
  uint64_t checks_performed;
  /* Syncs begun, those by hand included. */
  uint64_t syncs_triggered;
} skillsmith_background_sync_state;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 The version of the C interface that this library has.

 Compare it with `SKILLSMITH_ABI_VERSION` of the header: where they differ, the
 program was compiled for another library. Does not block; any thread may call it,
 a signal handler too.
 */
uint32_t skillsmith_abi_version(void);

/*
 The version of this library, such as "0.1.0".

 Do not free it: the text lives as long as the library is loaded. Does not
 block; any thread may call it.
 */
const char *skillsmith_version_string(void);

/*
 The version of this library as `SKILLSMITH_VERSION_NUMBER` counts it:
 major * 1000000 + minor * 1000 + patch.

 Does not block; any thread may call it.
 */
uint32_t skillsmith_version_number(void);

/*
 The name of a status, such as "NETWORK_TIMEOUT"; "OK" for 0, "UNKNOWN" for a number
 that is none.

 The same names stand in the README and in the Node package. Do not free it: the text
 lives as long as the library is loaded. Does not block; any thread may call it.
 */
const char *skillsmith_status_name(skillsmith_status status);

/*
 Whether the same call may succeed later without any change by the caller.

 False for `SKILLSMITH_OK` and for numbers that are no status. Does not block; any
 thread may call it.
 */
bool skillsmith_status_is_retryable(skillsmith_status status);

/*
 The status that the function has returned along with this error.

 `SKILLSMITH_OK` for NULL or for an error that was freed. Does not block; any thread
 may call it.
 */
skillsmith_status skillsmith_error_code(const struct skillsmith_error *error);

/*
 The name of its code, such as "NETWORK_TIMEOUT".

 Do not free it: the text lives as long as the library is loaded. "OK" for NULL or
 for an error that was freed. Does not block; any thread may call it.
 */
const char *skillsmith_error_name(const struct skillsmith_error *error);

/*
 What went wrong and what to do, in English.

 Do not free it: the text belongs to the error and lives as long. A U+0000 in it, from
 some name of the registry's, is shown as U+FFFD. "" for NULL or for an error that was
 freed. Does not block; any thread may call it.
 */
const char *skillsmith_error_message(const struct skillsmith_error *error);

/*
 Whether the same call may succeed later without any change by the caller.

 False for NULL or for an error that was freed. Does not block; any thread may call it.
 */
bool skillsmith_error_is_retryable(const struct skillsmith_error *error);

/*
 The moment before which it is no use to try again, in milliseconds since 1970 (UTC).

 -1 where the registry has named none, for NULL, and for an error that was freed. Does
 not block; any thread may call it.
 */
int64_t skillsmith_error_retry_at_ms(const struct skillsmith_error *error);

/*
 Frees an error; its texts are gone with it.

 NULL is fine. A second time is refused with `SKILLSMITH_INVALID_HANDLE`. Does not
 block; any thread may call it.
 */
skillsmith_status skillsmith_error_free(struct skillsmith_error *error);

/*
 Frees a string that a function of this library gave as `char **`.

 NULL is fine. What is not such a string, or was freed already, is refused with
 `SKILLSMITH_INVALID_HANDLE` and left alone. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_string_free(char *string);

/*
 How many handles, strings and records of this library the program has not freed yet.

 For leak tests: 0 once everything is freed. Errors count, too. Does not block; any
 thread may call it.
 */
size_t skillsmith_live_objects(void);

/*
 Makes a token that nobody has cancelled yet.

 Gives an owned handle: `skillsmith_cancel_token_free`. Does not block; any thread may
 call it. Errors: `NULL_ARGUMENT`.
 */
skillsmith_status skillsmith_cancel_token_new(struct skillsmith_cancel_token **out_token,
                                              struct skillsmith_error **out_error);

/*
 Ends what runs with the token: network requests in flight are cut, waits end.

 Takes effect within 200 ms; the call that runs then returns by itself. Cancelling
 twice is fine. Does not block; any thread may call it, a callback too, but no signal
 handler. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`.
 */
skillsmith_status skillsmith_cancel_token_cancel(const struct skillsmith_cancel_token *token);

/*
 The same for a signal handler: it only stores to atomic variables.

 What runs with the token notices it within 50 ms. Keep the handle in a variable that
 the handler may read, set before the handler is installed. Any thread may call it.
 Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`.
 */
skillsmith_status skillsmith_cancel_token_raise(const struct skillsmith_cancel_token *token);

/*
 Whether it was cancelled or raised.

 False for NULL or for a token that was freed. Does not block; any thread may call it.
 */
bool skillsmith_cancel_token_is_cancelled(const struct skillsmith_cancel_token *token);

/*
 Frees a token. What runs with it goes on, and can no longer be cancelled.

 NULL is fine. A second time is refused with `SKILLSMITH_INVALID_HANDLE`. Does not
 block; any thread may call it.
 */
skillsmith_status skillsmith_cancel_token_free(struct skillsmith_cancel_token *token);

/*
 Opens a database.

 `path` is UTF-8; `":memory:"` is a new database in memory; NULL stands for what
 `skillsmith_default_database_path` gives. `options` may be NULL.

 A missing file is created complete, with its folder, readable by its owner only. An
 existing one of any version is used as it is; the tables of a sync are added where
 they are missing. What is no database, is damaged, or belongs to some other program is
 refused and left as it is.

 Gives an owned handle: `skillsmith_database_free`. Blocks on the disk; any thread may
 call it. Errors: `NULL_ARGUMENT`, `INVALID_ARGUMENT`, and all from 301 to 312.
 */
skillsmith_status skillsmith_database_open(const char *path,
                                           const struct skillsmith_open_options *options,
                                           struct skillsmith_database **out_database,
                                           struct skillsmith_error **out_error);

/*
 Makes a new, complete database in memory.

 It is gone with the last handle that was made from it. Another SQLite cannot share it.

 Gives an owned handle: `skillsmith_database_free`. Does not block; any thread may call
 it. Errors: `NULL_ARGUMENT`, `DATABASE_ERROR`.
 */
skillsmith_status skillsmith_database_open_in_memory(struct skillsmith_database **out_database,
                                                     struct skillsmith_error **out_error);

/*
 Where the database is unless a path is given: `SKILLSMITH_DB_PATH`, or
 `~/.skillsmith/skills.db`.

 Gives an owned string: `skillsmith_string_free`. Does not block; any thread may call
 it. Errors: `NULL_ARGUMENT`; `INVALID_ARGUMENT` where there is no home folder.
 */
skillsmith_status skillsmith_default_database_path(char **out_path,
                                                   struct skillsmith_error **out_error);

/*
 Closes a database for all handles that were made from it.

 Their later calls fail with `DATABASE_CLOSED`. A sync that is under way keeps its own
 connection and ends normally. Closing twice is fine; the handle still has to be freed.
 Blocks on the disk, shortly; any thread may call it. Errors: `NULL_ARGUMENT`,
 `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
 */
skillsmith_status skillsmith_database_close(const struct skillsmith_database *database,
                                            struct skillsmith_error **out_error);

/*
 Whether it has not been closed.

 False for NULL, for a handle that was freed, and in a forked child. May wait for a
 short call on another thread; any thread may call it.
 */
bool skillsmith_database_is_open(const struct skillsmith_database *database);

/*
 Whether it was opened read-only.

 False for NULL and for a handle that was freed. Does not block; any thread may call it.
 */
bool skillsmith_database_is_read_only(const struct skillsmith_database *database);

/*
 The absolute path of the file, or ":memory:".

 Gives an owned string: `skillsmith_string_free`. Does not block; any thread may call
 it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`.
 */
skillsmith_status skillsmith_database_name(const struct skillsmith_database *database,
                                           char **out_name,
                                           struct skillsmith_error **out_error);

/*
 Frees a database.

 The file is closed with the last handle that was made from it; to close it now, call
 `skillsmith_database_close` first. NULL is fine. A second time is refused with
 `SKILLSMITH_INVALID_HANDLE`. May block on the disk, shortly; any thread may call it.
 */
skillsmith_status skillsmith_database_free(struct skillsmith_database *database);

/*
 Makes a repository for an open database.

 Gives an owned handle: `skillsmith_sync_config_repository_free`. Does not block; any
 thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
 */
skillsmith_status skillsmith_sync_config_repository_new(const struct skillsmith_database *database,
                                                        struct skillsmith_sync_config_repository **out_repository,
                                                        struct skillsmith_error **out_error);

/*
 Frees a repository. The database stays open.

 NULL is fine. A second time is refused with `SKILLSMITH_INVALID_HANDLE`. Blocks
 on the disk, shortly, if it is the last that keeps a database whose own handle was
 freed; any thread may call it.
 */
skillsmith_status skillsmith_sync_config_repository_free(struct skillsmith_sync_config_repository *repository);

/*
 The configuration as it stands.

 Gives an owned record: `skillsmith_sync_config_free`. Blocks on the disk, shortly; any
 thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `DATABASE_CLOSED`,
 `OPENED_BEFORE_FORK`, `DATABASE_ERROR`.
 */
skillsmith_status skillsmith_sync_config_repository_get_config(const struct skillsmith_sync_config_repository *repository,
                                                               struct skillsmith_sync_config **out_config,
                                                               struct skillsmith_error **out_error);

/*
 Changes what `update` names, and gives the result.

 `out_config` may be NULL: the result is not wanted. Otherwise it is an owned record:
 `skillsmith_sync_config_free`. Blocks on the disk, for at most the busy budget; any
 thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `INVALID_ARGUMENT`,
 `DATABASE_CLOSED`, `OPENED_BEFORE_FORK`, `DATABASE_BUSY`, `READ_ONLY`, `DISK_FULL`,
 `DATABASE_ERROR`.
 */
skillsmith_status skillsmith_sync_config_repository_update_config(const struct skillsmith_sync_config_repository *repository,
                                                                  const struct skillsmith_sync_config_update *update,
                                                                  struct skillsmith_sync_config **out_config,
                                                                  struct skillsmith_error **out_error);

/*
 Records a complete sync that started at `timestamp` (ISO 8601) and changed `count` skills.

 Sets when the next one is due, and clears the last error. The engine does this by
 itself. Blocks on the disk, for at most the busy budget; any thread may call it.
 Errors: as for `skillsmith_sync_config_repository_update_config`.
 */
skillsmith_status skillsmith_sync_config_repository_set_last_sync(const struct skillsmith_sync_config_repository *repository,
                                                                  const char *timestamp,
                                                                  int64_t count,
                                                                  struct skillsmith_error **out_error);

/*
 Records why the last sync failed. The engine does this by itself.

 Blocks on the disk, for at most the busy budget; any thread may call it. Errors: as
 for `skillsmith_sync_config_repository_update_config`.
 */
skillsmith_status skillsmith_sync_config_repository_set_last_sync_error(const struct skillsmith_sync_config_repository *repository,
                                                                        const char *message,
                                                                        struct skillsmith_error **out_error);

/*
 Forgets why the last sync failed.

 Blocks on the disk, for at most the busy budget; any thread may call it. Errors: as
 for `skillsmith_sync_config_repository_update_config`.
 */
skillsmith_status skillsmith_sync_config_repository_clear_error(const struct skillsmith_sync_config_repository *repository,
                                                                struct skillsmith_error **out_error);

/*
 The time `interval_ms` milliseconds after `last_sync_at` (ISO 8601).

 Gives an owned string, ISO 8601 with milliseconds and `Z`: `skillsmith_string_free`.
 Does not block; any thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`,
 `INVALID_ARGUMENT`.
 */
skillsmith_status skillsmith_sync_config_repository_calculate_next_sync(const struct skillsmith_sync_config_repository *repository,
                                                                        const char *last_sync_at,
                                                                        int64_t interval_ms,
                                                                        char **out_next_sync_at,
                                                                        struct skillsmith_error **out_error);

/*
 Whether automatic syncing is on and the next sync is due.

 Blocks on the disk, shortly; any thread may call it. Errors: as for
 `skillsmith_sync_config_repository_get_config`.
 */
skillsmith_status skillsmith_sync_config_repository_is_sync_due(const struct skillsmith_sync_config_repository *repository,
                                                                bool *out_due,
                                                                struct skillsmith_error **out_error);

/*
 Switches automatic syncing on.

 `out_config` may be NULL: the result is not wanted. Otherwise it is an owned record:
 `skillsmith_sync_config_free`. Blocks on the disk, for at most the busy budget; any
 thread may call it. Errors: as for `skillsmith_sync_config_repository_update_config`.
 */
skillsmith_status skillsmith_sync_config_repository_enable(const struct skillsmith_sync_config_repository *repository,
                                                           struct skillsmith_sync_config **out_config,
                                                           struct skillsmith_error **out_error);

/*
 Switches automatic syncing off. A sync by hand still works.

 `out_config` may be NULL: the result is not wanted. Otherwise it is an owned record:
 `skillsmith_sync_config_free`. Blocks on the disk, for at most the busy budget; any
 thread may call it. Errors: as for `skillsmith_sync_config_repository_update_config`.
 */
skillsmith_status skillsmith_sync_config_repository_disable(const struct skillsmith_sync_config_repository *repository,
                                                            struct skillsmith_sync_config **out_config,
                                                            struct skillsmith_error **out_error);

/*
 Changes how often; the next sync moves accordingly.

 `out_config` may be NULL: the result is not wanted. Otherwise it is an owned record:
 `skillsmith_sync_config_free`. Blocks on the disk, for at most the busy budget; any
 thread may call it. Errors: as for `skillsmith_sync_config_repository_update_config`;
 `INVALID_ARGUMENT` for anything but daily and weekly.
 */
skillsmith_status skillsmith_sync_config_repository_set_frequency(const struct skillsmith_sync_config_repository *repository,
                                                                  skillsmith_sync_frequency frequency,
                                                                  struct skillsmith_sync_config **out_config,
                                                                  struct skillsmith_error **out_error);

/*
 Frees a configuration with its texts.

 NULL is fine. What is not such a record, or was freed already, is refused with
 `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_sync_config_free(struct skillsmith_sync_config *config);

/*
 Makes a repository for an open database.

 Gives an owned handle: `skillsmith_sync_history_repository_free`. Does not block; any
 thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
 */
skillsmith_status skillsmith_sync_history_repository_new(const struct skillsmith_database *database,
                                                         struct skillsmith_sync_history_repository **out_repository,
                                                         struct skillsmith_error **out_error);

/*
 Frees a repository. The database stays open.

 NULL is fine. A second time is refused with `SKILLSMITH_INVALID_HANDLE`. Blocks
 on the disk, shortly, if it is the last that keeps a database whose own handle was
 freed; any thread may call it.
 */
skillsmith_status skillsmith_sync_history_repository_free(struct skillsmith_sync_history_repository *repository);

/*
 Makes an entry for a run that starts now. The engine does this by itself.

 Gives its id as an owned string: `skillsmith_string_free`. Blocks on the disk, for at
 most the busy budget; any thread may call it. Errors: `NULL_ARGUMENT`,
 `INVALID_HANDLE`, `DATABASE_CLOSED`, `OPENED_BEFORE_FORK`, `DATABASE_BUSY`,
 `READ_ONLY`, `DISK_FULL`, `DATABASE_ERROR`.
 */
skillsmith_status skillsmith_sync_history_repository_start_run(const struct skillsmith_sync_history_repository *repository,
                                                               char **out_id,
                                                               struct skillsmith_error **out_error);

/*
 Marks a run as successful. The engine does this by itself.

 Blocks on the disk, for at most the busy budget; any thread may call it. Errors: as
 for `skillsmith_sync_history_repository_start_run`, and `RUN_NOT_FOUND`,
 `INVALID_ARGUMENT`.
 */
skillsmith_status skillsmith_sync_history_repository_complete_run(const struct skillsmith_sync_history_repository *repository,
                                                                  const char *id,
                                                                  const struct skillsmith_sync_run_result *result,
                                                                  struct skillsmith_error **out_error);

/*
 Marks a run as successful in part, and says what was not. The engine does this by itself.

 Blocks on the disk, for at most the busy budget; any thread may call it. Errors: as
 for `skillsmith_sync_history_repository_complete_run`.
 */
skillsmith_status skillsmith_sync_history_repository_complete_run_partial(const struct skillsmith_sync_history_repository *repository,
                                                                          const char *id,
                                                                          const struct skillsmith_sync_run_result *result,
                                                                          const char *error_message,
                                                                          struct skillsmith_error **out_error);

/*
 Marks a run as failed, and says why. The engine does this by itself.

 Blocks on the disk, for at most the busy budget; any thread may call it. Errors: as
 for `skillsmith_sync_history_repository_complete_run`.
 */
skillsmith_status skillsmith_sync_history_repository_fail_run(const struct skillsmith_sync_history_repository *repository,
                                                              const char *id,
                                                              const char *error_message,
                                                              struct skillsmith_error **out_error);

/*
 One entry.

 Gives an owned record, `skillsmith_sync_history_entry_free`; NULL where there is no
 such entry, which is no error. Blocks on the disk, shortly; any thread may call it.
 Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `INVALID_ARGUMENT`, `DATABASE_CLOSED`,
 `OPENED_BEFORE_FORK`, `DATABASE_ERROR`.
 */
skillsmith_status skillsmith_sync_history_repository_get_by_id(const struct skillsmith_sync_history_repository *repository,
                                                               const char *id,
                                                               struct skillsmith_sync_history_entry **out_entry,
                                                               struct skillsmith_error **out_error);

/*
 The newest entries first, at most `limit` of them.

 Gives an owned list, never NULL: `skillsmith_sync_history_list_free`. Blocks on the
 disk, shortly; any thread may call it. Errors: as for
 `skillsmith_sync_history_repository_get_by_id`.
 */
skillsmith_status skillsmith_sync_history_repository_get_history(const struct skillsmith_sync_history_repository *repository,
                                                                 uint32_t limit,
                                                                 struct skillsmith_sync_history_list **out_list,
                                                                 struct skillsmith_error **out_error);

/*
 The newest successful entry.

 Gives an owned record, `skillsmith_sync_history_entry_free`; NULL where there is none,
 which is no error. Blocks on the disk, shortly; any thread may call it. Errors: as for
 `skillsmith_sync_history_repository_get_by_id`.
 */
skillsmith_status skillsmith_sync_history_repository_get_last_successful(const struct skillsmith_sync_history_repository *repository,
                                                                         struct skillsmith_sync_history_entry **out_entry,
                                                                         struct skillsmith_error **out_error);

/*
 The entries that are marked as running, newest first.

 An entry of this library whose run has died is marked as failed first. Gives an owned
 list, never NULL: `skillsmith_sync_history_list_free`. Blocks on the disk, shortly;
 any thread may call it. Errors: as for `skillsmith_sync_history_repository_get_by_id`.
 */
skillsmith_status skillsmith_sync_history_repository_get_running(const struct skillsmith_sync_history_repository *repository,
                                                                 struct skillsmith_sync_history_list **out_list,
                                                                 struct skillsmith_error **out_error);

/*
 Whether an entry is marked as running, after the same check.

 Blocks on the disk, shortly; any thread may call it. Errors: as for
 `skillsmith_sync_history_repository_get_by_id`.
 */
skillsmith_status skillsmith_sync_history_repository_is_running(const struct skillsmith_sync_history_repository *repository,
                                                                bool *out_running,
                                                                struct skillsmith_error **out_error);

/*
 Deletes the entries that started more than `days_to_keep` days ago; that of a sync that is
 under way stays.

 Gives how many; `out_deleted` may be NULL. Blocks on the disk, for at most the busy
 budget; any thread may call it. Errors: INVALID_ARGUMENT where so many days ago is before
 any date; and as for `skillsmith_sync_history_repository_start_run`.
 */
skillsmith_status skillsmith_sync_history_repository_cleanup(const struct skillsmith_sync_history_repository *repository,
                                                             uint32_t days_to_keep,
                                                             uint64_t *out_deleted,
                                                             struct skillsmith_error **out_error);

/*
 How many entries there are.

 Blocks on the disk, shortly; any thread may call it. Errors: as for
 `skillsmith_sync_history_repository_get_by_id`.
 */
skillsmith_status skillsmith_sync_history_repository_count(const struct skillsmith_sync_history_repository *repository,
                                                           int64_t *out_count,
                                                           struct skillsmith_error **out_error);

/*
 Figures over the whole history.

 Gives an owned record: `skillsmith_sync_stats_free`. Blocks on the disk, shortly; any
 thread may call it. Errors: as for `skillsmith_sync_history_repository_get_by_id`.
 */
skillsmith_status skillsmith_sync_history_repository_get_stats(const struct skillsmith_sync_history_repository *repository,
                                                               struct skillsmith_sync_stats **out_stats,
                                                               struct skillsmith_error **out_error);

/*
 Frees an entry with its texts. Not for an entry of a list, which is refused.

 NULL is fine. What is not such a record, or was freed already, is refused with
 `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_sync_history_entry_free(struct skillsmith_sync_history_entry *entry);

/*
 Frees a list with its entries.

 NULL is fine. What is not such a list, or was freed already, is refused with
 `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_sync_history_list_free(struct skillsmith_sync_history_list *list);

/*
 Frees figures with their texts.

 NULL is fine. What is not such a record, or was freed already, is refused with
 `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_sync_stats_free(struct skillsmith_sync_stats *stats);

/*
 Makes a repository for an open database.

 Gives an owned handle: `skillsmith_skill_repository_free`. Does not block; any thread
 may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
 */
skillsmith_status skillsmith_skill_repository_new(const struct skillsmith_database *database,
                                                  struct skillsmith_skill_repository **out_repository,
                                                  struct skillsmith_error **out_error);

/*
 Frees a repository. The database stays open.

 NULL is fine. A second time is refused with `SKILLSMITH_INVALID_HANDLE`. Blocks
 on the disk, shortly, if it is the last that keeps a database whose own handle was
 freed; any thread may call it.
 */
skillsmith_status skillsmith_skill_repository_free(struct skillsmith_skill_repository *repository);

/*
 The skill of that id.

 Gives an owned record, `skillsmith_skill_free`; NULL where there is no such skill,
 which is no error. Blocks on the disk, shortly; any thread may call it. Errors:
 `NULL_ARGUMENT`, `INVALID_HANDLE`, `INVALID_ARGUMENT`, `DATABASE_CLOSED`,
 `OPENED_BEFORE_FORK`, `DATABASE_ERROR`.
 */
skillsmith_status skillsmith_skill_repository_find_by_id(const struct skillsmith_skill_repository *repository,
                                                         const char *id,
                                                         struct skillsmith_skill **out_skill,
                                                         struct skillsmith_error **out_error);

/*
 Whether there is a skill of that id.

 Blocks on the disk, shortly; any thread may call it. Errors: as for
 `skillsmith_skill_repository_find_by_id`.
 */
skillsmith_status skillsmith_skill_repository_exists(const struct skillsmith_skill_repository *repository,
                                                     const char *id,
                                                     bool *out_exists,
                                                     struct skillsmith_error **out_error);

/*
 How many skills there are, the user's own included.

 Blocks on the disk, shortly; any thread may call it. Errors: as for
 `skillsmith_skill_repository_find_by_id`.
 */
skillsmith_status skillsmith_skill_repository_count(const struct skillsmith_skill_repository *repository,
                                                    int64_t *out_count,
                                                    struct skillsmith_error **out_error);

/*
 Frees a skill with its texts.

 NULL is fine. What is not such a record, or was freed already, is refused with
 `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_skill_free(struct skillsmith_skill *skill);

/*
 Makes a client. Nothing is sent yet.

 `options` may be NULL. Gives an owned handle: `skillsmith_api_client_free`. Reads the
 environment, `~/.skillsmith/config.json` and the system's certificates; any thread may
 call it. Errors: `NULL_ARGUMENT`; `INVALID_ARGUMENT` where the address, a key or the
 proxy cannot be used.
 */
skillsmith_status skillsmith_api_client_new(const struct skillsmith_client_options *options,
                                            struct skillsmith_api_client **out_client,
                                            struct skillsmith_error **out_error);

/*
 Frees a client. Engines that were made from it keep it.

 NULL is fine. A second time is refused with `SKILLSMITH_INVALID_HANDLE`. Does not
 block; any thread may call it.
 */
skillsmith_status skillsmith_api_client_free(struct skillsmith_api_client *client);

/*
 Whether nothing may be sent, so that every sync would fail with `OFFLINE`.

 False for NULL and for a client that was freed. Does not block; any thread may call it.
 */
bool skillsmith_api_client_is_offline(const struct skillsmith_api_client *client);

/*
 The registry's address.

 Gives an owned string: `skillsmith_string_free`. Does not block; any thread may call
 it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`.
 */
skillsmith_status skillsmith_api_client_base_url(const struct skillsmith_api_client *client,
                                                 char **out_url,
                                                 struct skillsmith_error **out_error);

/*
 Asks how the registry is.

 `cancel` may be NULL. Blocks on the network, for at most about 5 s; any thread may
 call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `OFFLINE`, `CANCELLED`,
 `REDIRECT_REFUSED`; `API_UNHEALTHY` where there is no answer, with the reason.
 */
skillsmith_status skillsmith_api_client_check_health(const struct skillsmith_api_client *client,
                                                     const struct skillsmith_cancel_token *cancel,
                                                     skillsmith_health *out_health,
                                                     struct skillsmith_error **out_error);

/*
 Fetches one page of the listing, as the registry serves it.

 `options` may be NULL: the first 100 rows. `cancel` may be NULL. Gives an owned string,
 the JSON text `{"data": [...], "meta": {...}}`: `skillsmith_string_free`. That it is
 JSON is checked, what is in it is not. A U+0000 in one of its texts is escaped there.

 Blocks on the network: each try as long as the client's `timeout_ms` allows. 408, 429,
 5xx, broken connections and unreadable answers are tried again as its `max_retries`
 says, after 1, 2, 4 ... s, or when the registry has asked for; after about 30 minutes at
 most it ends. Any thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`;
 `INVALID_ARGUMENT` for a text that is not UTF-8 and a score that is not finite; `OFFLINE`,
 `CANCELLED`, `NETWORK_UNREACHABLE`, `NETWORK_TIMEOUT`, `RATE_LIMITED`, `QUOTA_EXCEEDED`,
 `UNAUTHORIZED`, `FORBIDDEN`, `PLAN_REQUIRED`, `SERVER_ERROR`, `REDIRECT_REFUSED`;
 `REQUEST_REFUSED` for any other 4xx; `PROTOCOL_ERROR` where the answer is no JSON; `RESPONSE_TOO_LARGE` over
 16 MiB.
 */
skillsmith_status skillsmith_api_client_search(const struct skillsmith_api_client *client,
                                               const struct skillsmith_search_options *options,
                                               const struct skillsmith_cancel_token *cancel,
                                               char **out_json,
                                               struct skillsmith_error **out_error);

/*
 Makes a registry of callbacks.

 `name` tells it from other registries, as a base URL does: the place of an unfinished
 listing, and the way of listing that worked, are kept in the database under it. It is
 UTF-8, not empty, and copied. The callbacks are copied, too; on success the user data
 is the library's until it calls `destroy`.

 Gives an owned handle: `skillsmith_registry_free`. Does not block; any thread may call
 it. Errors: `NULL_ARGUMENT`, for a missing `search` too; `INVALID_ARGUMENT`.
 */
skillsmith_status skillsmith_registry_new(const char *name,
                                          const struct skillsmith_registry_callbacks *callbacks,
                                          struct skillsmith_registry **out_registry,
                                          struct skillsmith_error **out_error);

/*
 Frees a registry. Engines that were made from it keep it.

 NULL is fine. A second time is refused with `SKILLSMITH_INVALID_HANDLE`. Does not
 block, but for `destroy`; any thread may call it.
 */
skillsmith_status skillsmith_registry_free(struct skillsmith_registry *registry);

/*
 Says whether nothing may be sent: every sync then fails with `OFFLINE`, and no callback
 is called. A new registry is not offline.

 Does not block; any thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`.
 */
skillsmith_status skillsmith_registry_set_offline(const struct skillsmith_registry *registry,
                                                  int offline);

/*
 Whether the answer is no longer wanted: the run was cancelled or has ended.

 A callback that blocks for longer than an instant asks this again and again, and
 returns. True for NULL and once the callback has returned. Does not block.
 */
bool skillsmith_registry_call_is_cancelled(const struct skillsmith_registry_call *call);

/*
 Waits, such as between two tries of a request.

 `SKILLSMITH_OK` after that time; `SKILLSMITH_CANCELLED` as soon as the answer is no
 longer wanted. Blocks for that time; any thread may call it until the callback returns.
 Errors: also `NULL_ARGUMENT`, `INVALID_HANDLE`.
 */
skillsmith_status skillsmith_registry_call_wait(const struct skillsmith_registry_call *call,
                                                uint64_t milliseconds);

/*
 Gives the page: the JSON text of the registry's answer, `{"data": [...], "meta": {...}}`.

 `json` is `length` bytes, need not end with a NUL, and is copied. `data` holds the
 skills as the registry serves them; `meta.total` and `meta.limit` may be missing. A row
 that is no skill costs that row and nothing more. An empty `data` is the end of the
 listing. Only the last page that is given counts, and none after a failure.

 Parses the text, and does not block otherwise; any thread may call it until the callback
 returns. Errors: `NULL_ARGUMENT`,
 `INVALID_HANDLE`; `PROTOCOL_ERROR` where the text is no page, and `RESPONSE_TOO_LARGE`
 over 16 MiB; the page has failed then.
 */
skillsmith_status skillsmith_registry_call_set_page(const struct skillsmith_registry_call *call,
                                                    const char *json,
                                                    size_t length,
                                                    struct skillsmith_error **out_error);

/*
 Says that the page cannot be had.

 `status` tells why: `SKILLSMITH_HOST_ERROR`, `_NETWORK_UNREACHABLE`,
 `_NETWORK_TIMEOUT`, `_API_UNHEALTHY` or `_PROTOCOL_ERROR`. `message` is UTF-8 for the
 person who has to act on it, and copied; it goes into the result and the history, so
 keep credentials out of it. `_NETWORK_UNREACHABLE` and `_API_UNHEALTHY` end the run; after
 any other, pages behind this one are asked for, as after `skillsmith_search_callback`
 says. The first failure stays.

 Does not block; any thread may call it until the callback returns. Errors:
 `NULL_ARGUMENT`, `INVALID_HANDLE`; `INVALID_ARGUMENT` for any
 other status.
 */
skillsmith_status skillsmith_registry_call_fail(const struct skillsmith_registry_call *call,
                                                skillsmith_status status,
                                                const char *message);

/*
 Says that the registry has answered with an HTTP status that is no success.

 The engine does what it does with that answer of the live registry: 400 makes it ask
 for the listing in another way; 401, 429, and 5xx and 408 with a time to come back end
 the run with the errors that they have here; any other status is a failure of this page
 alone, until three in a row have failed. `retry_after_ms` is what
 a `Retry-After` said, in milliseconds from now, or -1; after 429 and 5xx no sync
 begins by itself before then, for a month at most. `detail` is what the body said, or NULL; UTF-8, copied.

 Does not block; any thread may call it until the callback returns. Errors:
 `NULL_ARGUMENT`, `INVALID_HANDLE`; `INVALID_ARGUMENT` for a
 status below 300 or above 599.
 */
skillsmith_status skillsmith_registry_call_fail_http(const struct skillsmith_registry_call *call,
                                                     int http_status,
                                                     int64_t retry_after_ms,
                                                     const char *detail);

/*
 Makes an engine for the live registry and an open database.

 It keeps both, whether their handles are freed or not. Gives an owned handle:
 `skillsmith_sync_engine_free`. Does not block; any thread may call it. Errors:
 `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
 */
skillsmith_status skillsmith_sync_engine_new(const struct skillsmith_api_client *client,
                                             const struct skillsmith_database *database,
                                             struct skillsmith_sync_engine **out_engine,
                                             struct skillsmith_error **out_error);

/*
 Makes an engine for a registry that the host supplies and an open database.

 It keeps both, whether their handles are freed or not. Gives an owned handle:
 `skillsmith_sync_engine_free`. Does not block; any thread may call it. Errors:
 `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
 */
skillsmith_status skillsmith_sync_engine_new_with_registry(const struct skillsmith_registry *registry,
                                                           const struct skillsmith_database *database,
                                                           struct skillsmith_sync_engine **out_engine,
                                                           struct skillsmith_error **out_error);

/*
 Frees an engine. A sync that is under way ends normally.

 NULL is fine. A second time is refused with `SKILLSMITH_INVALID_HANDLE`. Blocks on the
 disk, shortly, if it is the last that keeps a database whose own handle was freed, and for
 a `destroy` of the host's registry; any thread may call it.
 */
skillsmith_status skillsmith_sync_engine_free(struct skillsmith_sync_engine *engine);

/*
 Syncs. Blocks until the end of the run, on the network and the disk.

 `options` may be NULL. What goes wrong in a run is no error of this function: it
 returns `SKILLSMITH_OK`, and the result says what happened (`success`, `code`,
 `errors`). Whatever was written stays, and the next run goes on where this one ended.

 Gives an owned record: `skillsmith_sync_result_free`. Any thread may call it; it starts
 a second one, for the network. Errors, with which nothing was done: `NULL_ARGUMENT`,
 `INVALID_HANDLE`, `INVALID_ARGUMENT`, `DATABASE_CLOSED`, `OPENED_BEFORE_FORK`.
 */
skillsmith_status skillsmith_sync_engine_sync(const struct skillsmith_sync_engine *engine,
                                              const struct skillsmith_sync_options *options,
                                              struct skillsmith_sync_result **out_result,
                                              struct skillsmith_error **out_error);

/*
 How things stand.

 Gives an owned record: `skillsmith_engine_status_free`. Blocks on the disk, shortly;
 any thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `DATABASE_CLOSED`,
 `OPENED_BEFORE_FORK`, `DATABASE_ERROR`.
 */
skillsmith_status skillsmith_sync_engine_get_status(const struct skillsmith_sync_engine *engine,
                                                    struct skillsmith_engine_status **out_status,
                                                    struct skillsmith_error **out_error);

/*
 Whether nothing may be sent, so that every sync would fail with `OFFLINE`.

 False for NULL and for an engine that was freed. Does not block; any thread may call it.
 */
bool skillsmith_sync_engine_is_offline(const struct skillsmith_sync_engine *engine);

/*
 Frees a result with its texts.

 NULL is fine. What is not such a record, or was freed already, is refused with
 `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_sync_result_free(struct skillsmith_sync_result *result);

/*
 Frees a status with its configuration and its entry.

 NULL is fine. What is not such a record, or was freed already, is refused with
 `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_engine_status_free(struct skillsmith_engine_status *status);

/*
 Makes a service that is not started yet.

 `options` may be NULL. On success the user data is the library's until it calls
 `destroy`. Gives an owned handle: `skillsmith_background_sync_service_free`. Does not
 block; any thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`,
 `INVALID_ARGUMENT`, `OPENED_BEFORE_FORK`.
 */
skillsmith_status skillsmith_background_sync_service_new(const struct skillsmith_sync_engine *engine,
                                                         const struct skillsmith_background_options *options,
                                                         struct skillsmith_background_sync_service **out_service,
                                                         struct skillsmith_error **out_error);

/*
 All that a server does at its start, in one call: a service for `database` and the
 registry that `client_options` and the environment name, started.

 Gives NULL, which is no error, where there is to be none: `SKILLSMITH_BACKGROUND_SYNC`
 is off, `SKILLSMITH_OFFLINE_MODE` is on, or automatic syncing is disabled in the
 configuration. Both options may be NULL. A sync that is due begins at once, on the
 service's thread; after that it checks every minute. The thread never keeps the process
 alive: a program may return from `main` or call `exit` at any moment, and loses nothing.
 No signal handler is installed: where the program ends by a handler of its own, it need
 not stop the service, but may.

 Gives an owned handle: `skillsmith_background_sync_service_free`. Blocks on the disk,
 shortly; any thread may call it. Errors: those of `skillsmith_api_client_new`,
 `skillsmith_sync_config_repository_get_config` and
 `skillsmith_background_sync_service_start`.
 */
skillsmith_status skillsmith_start_background_sync(const struct skillsmith_database *database,
                                                   const struct skillsmith_client_options *client_options,
                                                   const struct skillsmith_background_options *options,
                                                   struct skillsmith_background_sync_service **out_service,
                                                   struct skillsmith_error **out_error);

/*
 Starts checking, on a thread of its own. Returns at once; starting twice is fine.

 Any thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`,
 `OPENED_BEFORE_FORK`; `OUT_OF_MEMORY` where the system has no thread left, too.
 */
skillsmith_status skillsmith_background_sync_service_start(const struct skillsmith_background_sync_service *service,
                                                           struct skillsmith_error **out_error);

/*
 Stops checking, and the sync that is under way; blocks until both have ended.

 That takes at most about 200 ms, and as long as a callback of the host's takes.
 Stopping twice is fine, and it may be started again. From a callback it does not wait.
 Any thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`,
 `OPENED_BEFORE_FORK`.
 */
skillsmith_status skillsmith_background_sync_service_stop(const struct skillsmith_background_sync_service *service,
                                                          struct skillsmith_error **out_error);

/*
 How things stand.

 Gives an owned record: `skillsmith_background_sync_state_free`. Does not block; any
 thread may call it, a callback too.
 Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `OPENED_BEFORE_FORK`.
 */
skillsmith_status skillsmith_background_sync_service_get_state(const struct skillsmith_background_sync_service *service,
                                                               struct skillsmith_background_sync_state **out_state,
                                                               struct skillsmith_error **out_error);

/*
 Syncs now, on the caller's thread, due or not. Blocks until the end of the run, on the
 network and the disk; `skillsmith_background_sync_service_stop` on another thread ends it.

 What goes wrong in the run is no error of this function, as for
 `skillsmith_sync_engine_sync`. Gives an owned record: `skillsmith_sync_result_free`.
 Any thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `DATABASE_CLOSED`,
 `OPENED_BEFORE_FORK`; `SYNC_IN_PROGRESS` while a sync of this service is under way.
 */
skillsmith_status skillsmith_background_sync_service_manual_sync(const struct skillsmith_background_sync_service *service,
                                                                 struct skillsmith_sync_result **out_result,
                                                                 struct skillsmith_error **out_error);

/*
 Whether a sync of this service is under way.

 False for NULL and for a service that was freed. Does not block;
 any thread may call it, a callback too.
 */
bool skillsmith_background_sync_service_is_sync_running(const struct skillsmith_background_sync_service *service);

/*
 Whether it was started and not stopped since.

 False for NULL and for a service that was freed. Does not block;
 any thread may call it, a callback too.
 */
bool skillsmith_background_sync_service_is_service_started(const struct skillsmith_background_sync_service *service);

/*
 Stops a service, as `skillsmith_background_sync_service_stop` does, and frees it.

 NULL is fine. A second time is refused with `SKILLSMITH_INVALID_HANDLE`. Any thread may
 call it, a callback too.
 */
skillsmith_status skillsmith_background_sync_service_free(struct skillsmith_background_sync_service *service);

/*
 Frees a state with its texts and its result.

 NULL is fine. What is not such a record, or was freed already, is refused with
 `SKILLSMITH_INVALID_HANDLE`. Does not block; any thread may call it.
 */
skillsmith_status skillsmith_background_sync_state_free(struct skillsmith_background_sync_state *state);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SKILLSMITH_SYNC_H */
