//! The control endpoint: what tests in other languages steer the server by.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::faults::Fault;
use crate::http::Request;
use crate::options::Options;
use crate::response::Response;
use crate::stamp;
use crate::state::State;

/// The command in a path such as `/_control/upsert`, under any base path.
pub(crate) fn command(path: &str) -> Option<&str> {
    path.split_once("/_control/").map(|(_, command)| command)
}

/// Obeys a command. The result is the answer and whether the server stops after it.
pub(crate) fn run(state: &mut State, command: &str, request: &Request) -> (Response, bool) {
    match obey(state, command, request) {
        Ok(answer) => (Response::json(200, &answer), command == "stop"),
        Err(Refusal { status, error }) => (Response::error(status, &error), false),
    }
}

struct Refusal {
    status: u16,
    error: String,
}

impl From<String> for Refusal {
    fn from(error: String) -> Self {
        Self { status: 400, error }
    }
}

fn obey(state: &mut State, command: &str, request: &Request) -> Result<Value, Refusal> {
    let answer = match (request.method.as_str(), command) {
        ("POST", "upsert") => upsert(state, &body(request)?)?,
        ("POST", "remove") => remove(state, &body(request)?)?,
        ("POST", "change") => {
            let (count, seed) = (required(request, "count")?, optional(request, "seed")?);
            let now = stamp::now(state.options.clock_offset_ms);
            json!({ "changed": state.catalogue.change_at(count, seed.unwrap_or(1), now) })
        }
        ("POST", "add") => {
            let (count, seed) = (required(request, "count")?, optional(request, "seed")?);
            let now = stamp::now(state.options.clock_offset_ms);
            json!({ "added": state.catalogue.add_at(count, seed.unwrap_or(1), now) })
        }
        ("GET", "options") => json!(state.options),
        ("POST", "options") => {
            let merged = merge(&state.options, body(request)?)?;
            state.change_options(|options| *options = merged);
            json!(state.options)
        }
        ("GET", "faults") => json!(state.faults),
        ("POST", "faults") => {
            let faults: Vec<Fault> = body(request)?;
            state.faults.extend(faults);
            json!({ "faults": state.faults.len() })
        }
        ("DELETE", "faults") => {
            state.faults.clear();
            json!({ "faults": 0 })
        }
        ("GET", "requests") => json!(state.log.requests()),
        ("DELETE", "requests") => {
            state.log.clear();
            json!({ "requests": 0 })
        }
        ("GET", "skills") => state
            .skills(request.param("visible") != Some("true"))
            .into(),
        ("GET", "stats") => json!(state.stats()),
        ("POST", "history") => {
            let events = required(request, "events")?;
            let skills = state.replay(events)?;
            json!({ "events": events, "skills": skills })
        }
        ("POST", "stop") => json!({ "stopping": true }),
        (method, _) => return Err(unknown(method, command)),
    };
    Ok(answer)
}

/// The options with some of them replaced; an unknown name is an error.
pub(crate) fn merge(options: &Options, changes: Value) -> Result<Options, String> {
    let Value::Object(changes) = changes else {
        return Err("options must be a JSON object".to_owned());
    };
    let mut merged = json!(options);
    for (name, value) in changes {
        merged[name] = value;
    }
    serde_json::from_value(merged).map_err(|error| format!("options: {error}"))
}

fn upsert(state: &mut State, skills: &Value) -> Result<Value, String> {
    let skills = match skills {
        Value::Array(skills) => skills.clone(),
        Value::Object(_) => vec![skills.clone()],
        _ => {
            return Err(
                "the body must be a skill (a JSON object) or an array of skills".to_owned(),
            );
        }
    };
    let count = skills.len();
    state.catalogue.extend(skills);
    Ok(json!({ "upserted": count, "skills": state.catalogue.len() }))
}

fn remove(state: &mut State, ids: &Value) -> Result<Value, String> {
    let ids = if let Value::Array(ids) = ids {
        ids.iter().collect()
    } else {
        vec![ids]
    };
    let ids: Option<Vec<&str>> = ids.into_iter().map(Value::as_str).collect();
    let ids =
        ids.ok_or_else(|| "the body must be an id (a JSON string) or an array of ids".to_owned())?;
    let removed = ids
        .into_iter()
        .filter(|id| state.catalogue.remove(id))
        .count();
    Ok(json!({ "removed": removed, "skills": state.catalogue.len() }))
}

fn body<T: DeserializeOwned>(request: &Request) -> Result<T, String> {
    serde_json::from_slice(&request.body)
        .map_err(|error| format!("the body is not what it should be: {error}"))
}

fn required(request: &Request, name: &str) -> Result<usize, String> {
    let number =
        optional(request, name)?.ok_or_else(|| format!("the parameter {name} is missing"))?;
    usize::try_from(number).map_err(|_| format!("the parameter {name} is too large"))
}

fn optional(request: &Request, name: &str) -> Result<Option<u64>, String> {
    let Some(text) = request.param(name) else {
        return Ok(None);
    };
    text.parse()
        .map(Some)
        .map_err(|_| format!("the parameter {name} must be a number, 0 or more, not \"{text}\""))
}

fn unknown(method: &str, command: &str) -> Refusal {
    const COMMANDS: &str = "POST upsert, remove, change, add, history, stop; GET requests, skills, stats; \
        GET and POST options; GET, POST and DELETE faults; DELETE requests";
    Refusal {
        status: 404,
        error: format!("no control command {method} {command}; there are {COMMANDS}"),
    }
}
