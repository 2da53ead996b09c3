//! Repository calls through a connection of the host: the core's statements, which JavaScript runs there.

use std::rc::Rc;

use napi::Env;
use napi::bindgen_prelude::{FnArgs, Function, FunctionRef};
use napi_derive::napi;
use serde_json::{Map, Value as Json};
use skillsmith_sync::database::host::{HostConnection, HostFailure, HostRow, Value};

use crate::boundary::{Result, boundary};
use crate::database::NativeDatabase;

/// A value for a parameter; without any it is NULL.
#[napi(object, object_from_js = false)]
pub struct StatementValue {
    /// A whole number, in digits: JavaScript's numbers are not exact.
    pub integer: Option<String>,
    /// A text would be larger than every number.
    pub real: Option<f64>,
    pub text: Option<String>,
}

/// The statement, its values, and what it is: `query`, which returns rows, `change`, or `batch`, which is several without values.
type Runner = (String, Vec<StatementValue>, &'static str);

/// Calls `body`, which must not throw. Meanwhile calls on `database` run their statements by `run`.
///
/// `run` returns JSON, and does not throw: a number, rows as an array of objects, or an error as an object with `message` and perhaps
/// `code`. A number with a fraction is written with a point; a blob is an object with its `hex`.
#[napi]
pub fn through_host(
    env: Env,
    database: &NativeDatabase,
    #[napi(
        ts_arg_type = "(sql: string, values: StatementValue[], kind: 'query' | 'change' | 'batch') => string"
    )]
    run: Function<'_, FnArgs<Runner>, String>,
    #[napi(ts_arg_type = "() => void")] body: Function<'_, (), ()>,
) -> Result<()> {
    boundary(|| {
        let run = run.create_ref().map_err(|error| internal(&error))?;
        let host = Rc::new(Host { env, run });
        database
            .inner
            .through(host, || body.call(()))
            .map_err(|error| internal(&error))
    })
}

fn internal(error: &napi::Error) -> skillsmith_sync::Error {
    skillsmith_sync::Error::Internal(format!("a call of JavaScript failed: {error}"))
}

struct Host {
    env: Env,
    run: FunctionRef<FnArgs<Runner>, String>,
}

impl Host {
    fn ask(
        &self,
        sql: &str,
        values: Vec<Value>,
        kind: &'static str,
    ) -> std::result::Result<Json, HostFailure> {
        let values = values.into_iter().map(StatementValue::from).collect();
        let answer = self
            .run
            .borrow_back(&self.env)
            .and_then(|run| run.call((sql.to_owned(), values, kind).into()))
            .map_err(|error| failure(&error.to_string()))?;
        match serde_json::from_str(&answer).map_err(|error| failure(&error.to_string()))? {
            Json::Object(error) => Err(HostFailure {
                code: error
                    .get("code")
                    .and_then(Json::as_i64)
                    .and_then(|code| code.try_into().ok()),
                message: match error.get("message") {
                    Some(Json::String(message)) => message.clone(),
                    _ => String::new(),
                },
            }),
            answer => Ok(answer),
        }
    }
}

fn failure(message: &str) -> HostFailure {
    HostFailure {
        code: None,
        message: message.to_owned(),
    }
}

impl HostConnection for Host {
    fn run(&self, sql: &str, values: Vec<Value>) -> std::result::Result<usize, HostFailure> {
        let changes = self.ask(sql, values, "change")?;
        Ok(changes
            .as_u64()
            .and_then(|changes| changes.try_into().ok())
            .unwrap_or_default())
    }

    fn run_batch(&self, sql: &str) -> std::result::Result<(), HostFailure> {
        self.ask(sql, Vec::new(), "batch").map(drop)
    }

    fn rows(
        &self,
        sql: &str,
        values: Vec<Value>,
    ) -> std::result::Result<Vec<HostRow>, HostFailure> {
        let Json::Array(rows) = self.ask(sql, values, "query")? else {
            return Err(failure("no rows"));
        };
        Ok(rows
            .into_iter()
            .map(|row| match row {
                Json::Object(columns) => columns
                    .into_iter()
                    .map(|(name, value)| (name, value_of(value)))
                    .collect(),
                _ => HostRow::new(),
            })
            .collect())
    }
}

impl From<Value> for StatementValue {
    fn from(value: Value) -> Self {
        let mut given = Self {
            integer: None,
            real: None,
            text: None,
        };
        match value {
            Value::Integer(number) => given.integer = Some(number.to_string()),
            Value::Real(number) => given.real = Some(number),
            Value::Text(text) => given.text = Some(text),
            Value::Null | Value::Blob(_) => {}
        }
        given
    }
}

fn value_of(json: Json) -> Value {
    match json {
        Json::Null | Json::Array(_) => Value::Null,
        Json::Bool(is_so) => Value::Integer(is_so.into()),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Integer(number),
            None => Value::Real(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::Text(text),
        Json::Object(blob) => Value::Blob(bytes_of(&blob)),
    }
}

fn bytes_of(blob: &Map<String, Json>) -> Vec<u8> {
    let digits = blob.get("hex").and_then(Json::as_str).unwrap_or_default();
    digits
        .as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
