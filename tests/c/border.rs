//! A program made from the header: every function with NULL in each of its pointers in
//! turn, and with handles that were freed, are of another type, or never were one.
//!
//! Each refusal leaves every output empty, with an error object and without one.

use std::fmt::Write as _;

use crate::header::{self, Function, Parameter};

/// Where NULL is an answer; anywhere else it is refused.
const OPTIONAL: [(&str, &str); 20] = [
    ("skillsmith_database_open", "path"),
    ("skillsmith_database_open", "options"),
    (
        "skillsmith_sync_config_repository_update_config",
        "out_config",
    ),
    ("skillsmith_sync_config_repository_enable", "out_config"),
    ("skillsmith_sync_config_repository_disable", "out_config"),
    (
        "skillsmith_sync_config_repository_set_frequency",
        "out_config",
    ),
    ("skillsmith_sync_history_repository_cleanup", "out_deleted"),
    ("skillsmith_skill_repository_search", "options"),
    ("skillsmith_skill_repository_list", "options"),
    ("skillsmith_api_client_new", "options"),
    ("skillsmith_api_client_check_health", "cancel"),
    ("skillsmith_api_client_search", "options"),
    ("skillsmith_api_client_search", "cancel"),
    ("skillsmith_registry_call_fail_http", "detail"),
    ("skillsmith_token_call_set_token", "token"),
    ("skillsmith_sync_engine_sync", "options"),
    ("skillsmith_background_sync_service_new", "options"),
    ("skillsmith_start_background_sync", "client_options"),
    ("skillsmith_start_background_sync", "options"),
    ("skillsmith_string_free", "string"),
];

/// What a function that returns a value returns where there is none.
const OTHERWISE: [(&str, &str); 14] = [
    ("skillsmith_error_code", "SKILLSMITH_OK"),
    ("skillsmith_error_name", "\"OK\""),
    ("skillsmith_error_message", "\"\""),
    ("skillsmith_error_is_retryable", "false"),
    ("skillsmith_error_retry_at_ms", "-1"),
    ("skillsmith_cancel_token_is_cancelled", "false"),
    ("skillsmith_database_is_open", "false"),
    ("skillsmith_database_is_read_only", "false"),
    ("skillsmith_api_client_is_offline", "false"),
    ("skillsmith_registry_call_is_cancelled", "true"),
    ("skillsmith_token_call_is_cancelled", "true"),
    ("skillsmith_sync_engine_is_offline", "false"),
    (
        "skillsmith_background_sync_service_is_sync_running",
        "false",
    ),
    (
        "skillsmith_background_sync_service_is_service_started",
        "false",
    ),
];

/// The types of handles, and their place among the fixtures.
const HANDLES: [(&str, &str); 12] = [
    ("skillsmith_error", "error"),
    ("skillsmith_cancel_token", "token"),
    ("skillsmith_database", "database"),
    ("skillsmith_sync_config_repository", "config"),
    ("skillsmith_sync_history_repository", "history"),
    ("skillsmith_skill_repository", "skills"),
    ("skillsmith_api_client", "client"),
    ("skillsmith_registry", "registry"),
    ("skillsmith_registry_call", "call"),
    ("skillsmith_token_call", "token_call"),
    ("skillsmith_sync_engine", "engine"),
    ("skillsmith_background_sync_service", "service"),
];

const FIXTURES: &str = r#"/* Made by tests/c/border.rs. */
#include "check.h"

typedef struct fixtures {
  skillsmith_error *error;
  skillsmith_cancel_token *token;
  skillsmith_database *database;
  skillsmith_sync_config_repository *config;
  skillsmith_sync_history_repository *history;
  skillsmith_skill_repository *skills;
  skillsmith_api_client *client;
  skillsmith_registry *registry;
  skillsmith_registry_call *call;
  skillsmith_token_call *token_call;
  skillsmith_sync_engine *engine;
  skillsmith_background_sync_service *service;
  char *run_id;
} fixtures;

static fixtures live, stale;
static served rows;
static skillsmith_open_options open_options;
static skillsmith_client_options client_options;
static skillsmith_search_options search_options;
static skillsmith_skill_search_options skill_search_options;
static skillsmith_skill_list_options skill_list_options;
static skillsmith_sync_options sync_options;
static skillsmith_sync_config_update update;
static skillsmith_sync_run_result run_result;
static skillsmith_background_options background_options;
static skillsmith_registry_callbacks callbacks;

static fixtures make_fixtures(void) {
  fixtures all;
  memset(&all, 0, sizeof all);
  open_options.struct_size = sizeof open_options;
  client_options.struct_size = sizeof client_options;
  client_options.base_url = registry_url();
  search_options.struct_size = sizeof search_options;
  skill_search_options.struct_size = sizeof skill_search_options;
  skill_list_options.struct_size = sizeof skill_list_options;
  sync_options.struct_size = sizeof sync_options;
  update.struct_size = sizeof update;
  run_result.struct_size = sizeof run_result;
  background_options.struct_size = sizeof background_options;
  callbacks.struct_size = sizeof callbacks;
  callbacks.search = serve;
  callbacks.user_data = &rows;
  all.database = open_in_memory();
  client_options.offline = SKILLSMITH_SWITCH_OFF;
  OK(skillsmith_api_client_new(&client_options, &all.client, &error));
  client_options.offline = SKILLSMITH_SWITCH_DEFAULT;
  all.registry = registry_with(&callbacks);
  OK(skillsmith_sync_config_repository_new(all.database, &all.config, &error));
  OK(skillsmith_sync_history_repository_new(all.database, &all.history, &error));
  OK(skillsmith_sync_history_repository_start_run(all.history, &all.run_id, &error));
  OK(skillsmith_skill_repository_new(all.database, &all.skills, &error));
  OK(skillsmith_sync_engine_new_with_registry(all.registry, all.database, &all.engine, &error));
  OK(skillsmith_background_sync_service_new(all.engine, NULL, &all.service, &error));
  OK(skillsmith_cancel_token_new(&all.token, &error));
  CODE(SKILLSMITH_NULL_ARGUMENT, skillsmith_cancel_token_new(NULL, &all.error));
  return all;
}

static void free_fixtures(fixtures all) {
  (void)skillsmith_error_free(all.error);
  (void)skillsmith_cancel_token_free(all.token);
  (void)skillsmith_background_sync_service_free(all.service);
  (void)skillsmith_sync_engine_free(all.engine);
  (void)skillsmith_sync_config_repository_free(all.config);
  (void)skillsmith_sync_history_repository_free(all.history);
  (void)skillsmith_skill_repository_free(all.skills);
  (void)skillsmith_api_client_free(all.client);
  (void)skillsmith_registry_free(all.registry);
  (void)skillsmith_database_free(all.database);
  (void)skillsmith_string_free(all.run_id);
}

static void refused(int line, skillsmith_status found, skillsmith_status wanted, skillsmith_error *error,
                    int has_error, const char *what, const char *part) {
  if (found != wanted)
    check_failed(__FILE__, line, "%s returned %s, not %s", what, skillsmith_status_name(found),
                 skillsmith_status_name(wanted));
  if (has_error) {
    if (skillsmith_error_code(error) != wanted) check_failed(__FILE__, line, "%s: the error's code", what);
    if (strstr(skillsmith_error_message(error), part) == NULL)
      check_failed(__FILE__, line, "%s: \"%s\" without \"%s\"", what, skillsmith_error_message(error), part);
    CODE(SKILLSMITH_OK, skillsmith_error_free(error));
  }
}

#define EMPTY(output, what) \
  if (output) FAIL("%s left something in %s", what, #output)
"#;

pub(crate) fn program() -> String {
    let functions = header::functions();
    for (name, parameter) in OPTIONAL {
        let known = functions.iter().find(|function| function.name == name);
        assert!(
            known.is_some_and(|function| function
                .parameters
                .iter()
                .any(|one| one.name == parameter)),
            "the header has no {name} with {parameter}"
        );
    }
    let mut code = FIXTURES.to_owned();
    let mut names = Vec::new();
    let (mut of_calls, mut of_token_calls) = (String::new(), String::new());
    for function in functions.iter().filter(|one| one.has_pointers()) {
        let mut body = String::new();
        function.write(&mut body);
        match function.parameters[0].handle() {
            Some("call") => of_calls += &body,
            Some("token_call") => of_token_calls += &body,
            _ => {
                let name = function.name.trim_start_matches("skillsmith_");
                _ = write!(code, "\nstatic void of_{name}(void) {{\n{body}}}\n");
                names.push(name.to_owned());
            }
        }
    }
    _ = write!(
        code,
        "
static int within_a_call(void *user_data, const skillsmith_page_request *request, skillsmith_registry_call *call) {{
  live.call = call;
{of_calls}  (void)request;
  count_up((int *)user_data);
  return 0;
}}

static void calls(void) {{
  OPTIONS(skillsmith_registry_callbacks, own);
  int called = 0;
  own.search = within_a_call;
  own.user_data = &called;
  (void)skillsmith_sync_engine_free(live.engine);
  live.engine = engine_with(&own, live.database);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(sync_with(live.engine, NULL)));
  CHECK_EQ(called, 1);
}}

static int within_a_token_call(void *user_data, int is_refused, skillsmith_token_call *call) {{
  live.token_call = call;
{of_token_calls}  CHECK_EQ(is_refused, 0);
  count_up((int *)user_data);
  return 0;
}}

static void token_calls(void) {{
  OPTIONS(skillsmith_client_options, own);
  int called = 0;
  char *json = RUBBISH(char);
  own.base_url = registry_url();
  own.offline = SKILLSMITH_SWITCH_OFF;
  own.token = within_a_token_call;
  own.user_data = &called;
  (void)skillsmith_api_client_free(live.client);
  OK(skillsmith_api_client_new(&own, &live.client, &error));
  FAILS(SKILLSMITH_HOST_ERROR, \"it gave no token\", skillsmith_api_client_search(live.client, NULL, NULL, &json, &error));
  CHECK_EQ(called, 1);
}}

static void everything(void) {{
  /* Nothing here asks the live service. */
  setenv(\"SKILLSMITH_OFFLINE_MODE\", \"1\", 1);
  setenv(\"SKILLSMITH_DB_PATH\", place(\"default.db\"), 1);
  stale = make_fixtures();
  free_fixtures(stale);
  stale.call = (skillsmith_registry_call *)stale.token;
  stale.token_call = (skillsmith_token_call *)stale.token;
"
    );
    for name in names
        .iter()
        .map(String::as_str)
        .chain(["calls", "token_calls"])
    {
        let name = if name.ends_with("calls") {
            name.to_owned()
        } else {
            format!("of_{name}")
        };
        _ = write!(
            code,
            "  live = make_fixtures();\n  {name}();\n  free_fixtures(live);\n"
        );
    }
    code += "}\n\nPROGRAM(CASE(everything))\n";
    code
}

impl Parameter {
    fn is_pointer(&self) -> bool {
        self.kind.ends_with('*')
    }

    /// An output, `out_error` excepted.
    fn is_output(&self) -> bool {
        self.name.starts_with("out_") && self.name != "out_error"
    }

    fn base(&self) -> &str {
        self.kind.trim_start_matches("const ").trim_end_matches('*')
    }

    /// Its fixture, if it is a handle.
    fn handle(&self) -> Option<&'static str> {
        let one_star = self.kind.ends_with('*') && !self.kind.ends_with("**");
        HANDLES
            .iter()
            .find(|(kind, _)| one_star && *kind == self.base())
            .map(|(_, fixture)| *fixture)
    }

    /// A value with which a call succeeds.
    fn good(&self, function: &Function) -> String {
        if let Some(fixture) = self.handle() {
            return format!("live.{fixture}");
        }
        match (self.kind.as_str(), self.name.as_str()) {
            (_, "out_error") => "&error".into(),
            (_, name) if self.is_output() => format!("&{name}"),
            ("const char*", "path") => "\":memory:\"".into(),
            ("const char*", "id") if function.name.contains("history") => "live.run_id".into(),
            ("const char*", "timestamp" | "last_sync_at") => "\"2026-01-01T00:00:00.000Z\"".into(),
            ("const char*", "json") => "\"{\\\"data\\\": []}\"".into(),
            ("const char*", _) => "\"text\"".into(),
            (kind, _) if kind.starts_with("const skillsmith_") => {
                let name = self.base().trim_start_matches("skillsmith_");
                let name = match name {
                    "sync_config_update" => "update",
                    "sync_run_result" => "run_result",
                    "registry_callbacks" => "callbacks",
                    other => other,
                };
                format!("&{name}")
            }
            (_, "length") => "12".into(),
            (_, "http_status") => "500".into(),
            (_, "status") => "SKILLSMITH_HOST_ERROR".into(),
            (_, "frequency") => "SKILLSMITH_SYNC_FREQUENCY_WEEKLY".into(),
            _ => "1".into(),
        }
    }

    fn declaration(&self) -> String {
        let kind = &self.kind[..self.kind.len() - 1];
        let rubbish = if kind.ends_with('*') {
            format!("({kind})(uintptr_t)0xBAD")
        } else if kind == "skillsmith_health" {
            "SKILLSMITH_HEALTH_UNHEALTHY".into()
        } else {
            "1".into()
        };
        format!("    {kind} {} = {rubbish};\n", self.name)
    }

    /// Gives back what a call has put there.
    fn release(&self) -> String {
        let name = &self.name;
        match self.kind.strip_suffix("**") {
            Some("char") => format!("    CODE(SKILLSMITH_OK, skillsmith_string_free({name}));\n"),
            Some(kind) => format!("    CODE(SKILLSMITH_OK, {kind}_free({name}));\n"),
            None => format!("    (void){name};\n"),
        }
    }
}

impl Function {
    fn has_pointers(&self) -> bool {
        self.parameters.iter().any(Parameter::is_pointer)
    }

    fn frees(&self) -> bool {
        self.name.ends_with("_free")
    }

    fn has_error(&self) -> bool {
        self.parameters.iter().any(|one| one.name == "out_error")
    }

    fn takes_null(&self, parameter: &Parameter) -> bool {
        self.frees() || OPTIONAL.contains(&(self.name.as_str(), parameter.name.as_str()))
    }

    /// A call with something else in one of its parameters.
    fn call(&self, parameter: &Parameter, value: &str) -> String {
        let arguments: Vec<_> = self
            .parameters
            .iter()
            .map(|one| {
                if std::ptr::eq(one, parameter) {
                    value.to_owned()
                } else {
                    one.good(self)
                }
            })
            .collect();
        format!("{}({})", self.name, arguments.join(", "))
    }

    fn write(&self, code: &mut String) {
        let is_status = self.returns == "skillsmith_status" && self.name != "skillsmith_error_code";
        for parameter in self.parameters.iter().filter(|one| one.is_pointer()) {
            if parameter.name == "out_error" {
                continue;
            }
            let foreign = match parameter.handle() {
                Some("database") => "live.engine",
                _ => "live.database",
            };
            let mut wrong: Vec<(String, &str)> = Vec::new();
            if let Some(fixture) = parameter.handle() {
                let kind = parameter.kind.trim_start_matches("const ");
                wrong.push((format!("stale.{fixture}"), "INVALID_HANDLE"));
                wrong.push((format!("({kind})(void *){foreign}"), "INVALID_HANDLE"));
                wrong.push((format!("({kind})(void *)&live"), "INVALID_HANDLE"));
            } else if self.frees() {
                let kind = &parameter.kind;
                wrong.push((format!("({kind})(void *)live.database"), "INVALID_HANDLE"));
                wrong.push((format!("({kind})(void *)&live"), "INVALID_HANDLE"));
            }
            if !self.takes_null(parameter) {
                wrong.insert(0, ("NULL".into(), "NULL_ARGUMENT"));
            }
            if !is_status {
                let (_, otherwise) = OTHERWISE
                    .iter()
                    .find(|(name, _)| *name == self.name)
                    .unwrap_or_else(|| panic!("what does {} return for NULL?", self.name));
                for (value, _) in wrong {
                    let call = self.call(parameter, &value);
                    let check = if otherwise.starts_with('"') {
                        "CHECK_TEXT"
                    } else {
                        "CHECK_EQ"
                    };
                    _ = writeln!(code, "  {check}({call}, {otherwise});");
                }
                continue;
            }
            for (value, wanted) in wrong {
                self.write_refusal(code, parameter, &value, wanted, true);
                if self.has_error() {
                    self.write_refusal(code, parameter, &value, wanted, false);
                }
            }
        }
        if !is_status {
            return;
        }
        for parameter in self.parameters.iter().filter(|one| one.is_pointer()) {
            if self.takes_null(parameter) || parameter.name == "out_error" {
                self.write_success(code, parameter);
            }
        }
    }

    fn write_outputs(&self, code: &mut String, except: &Parameter) {
        for output in self.parameters.iter().filter(|one| one.is_output()) {
            if !std::ptr::eq(output, except) {
                *code += &output.declaration();
            }
        }
    }

    fn write_refusal(
        &self,
        code: &mut String,
        parameter: &Parameter,
        value: &str,
        wanted: &str,
        with_error: bool,
    ) {
        let what = format!("\"{} with {} = {value}\"", self.name, parameter.name);
        *code += "  {\n";
        self.write_outputs(code, parameter);
        let has_error = self.has_error() && with_error;
        *code += if has_error {
            "    skillsmith_error *error = check_rubbish();\n"
        } else {
            "    skillsmith_error *error = NULL;\n"
        };
        let mut call = self.call(parameter, value);
        if self.has_error() && !with_error {
            call = call.replace("&error", "NULL");
        }
        let part = match wanted {
            "NULL_ARGUMENT" => format!("'{}'", parameter.name),
            _ => "not a valid handle".into(),
        };
        _ = writeln!(
            code,
            "    skillsmith_status found = {call};\n    \
             refused(__LINE__, found, SKILLSMITH_{wanted}, error, {}, {what}, \"{part}\");",
            u8::from(has_error)
        );
        for output in self.parameters.iter().filter(|one| one.is_output()) {
            if !std::ptr::eq(output, parameter) {
                _ = writeln!(code, "    EMPTY({}, {what});", output.name);
            }
        }
        *code += "  }\n";
    }

    /// NULL where it is an answer.
    fn write_success(&self, code: &mut String, parameter: &Parameter) {
        *code += "  {\n";
        self.write_outputs(code, parameter);
        let call = self.call(parameter, "NULL");
        if self.has_error() && parameter.name != "out_error" {
            _ = writeln!(code, "    OK({call});");
        } else {
            _ = writeln!(code, "    CODE(SKILLSMITH_OK, {call});");
        }
        for output in self.parameters.iter().filter(|one| one.is_output()) {
            if !std::ptr::eq(output, parameter) {
                *code += &output.release();
            }
        }
        *code += "  }\n";
    }
}
