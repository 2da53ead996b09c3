//! The HTTP client, and single requests to the registry.

use std::sync::Arc;
use std::time::Duration;

use napi_derive::napi;
use skillsmith_sync::clock::SystemClock;
use skillsmith_sync::registry::{Call, PageRequest, Registry};
use skillsmith_sync::{CancelToken, ClientOptions, SkillsmithApiClient, engine};

use crate::boundary::{Result, boundary};
use crate::debug::with_log;
use crate::event::TaskEvent;
use crate::task::{Listener, start};
use crate::token::{TokenListener, with_provider};
use crate::variables::{Variables, environment};

#[napi(object, object_to_js = false)]
pub struct NativeClientOptions {
    pub base_url: Option<String>,
    pub anon_key: Option<String>,
    pub api_key: Option<String>,
    pub jwt_token: Option<String>,
    pub timeout: Option<u32>,
    pub max_retries: Option<u32>,
    pub offline_mode: Option<bool>,
    pub allow_insecure_http: Option<bool>,
}

impl From<NativeClientOptions> for ClientOptions {
    fn from(given: NativeClientOptions) -> Self {
        let mut options = Self::new();
        if let Some(url) = given.base_url {
            options = options.base_url(url);
        }
        if let Some(key) = given.anon_key {
            options = options.anon_key(key);
        }
        if let Some(key) = given.api_key {
            options = options.api_key(key);
        }
        if let Some(token) = given.jwt_token {
            options = options.jwt_token(token);
        }
        if let Some(ms) = given.timeout {
            options = options.timeout(Duration::from_millis(ms.into()));
        }
        if let Some(retries) = given.max_retries {
            options = options.max_retries(retries);
        }
        if let Some(offline) = given.offline_mode {
            options = options.offline(offline);
        }
        if let Some(allow) = given.allow_insecure_http {
            options = options.allow_insecure_http(allow);
        }
        options
    }
}

#[napi(object, object_to_js = false)]
pub struct SearchRequest {
    pub query: Option<String>,
    pub trust_tier: Option<String>,
    pub category: Option<String>,
    pub min_quality_score: Option<f64>,
    pub limit: Option<u32>,
    pub offset: Option<i64>,
}

/// A request under way. Garbage collection of this object does not cancel it.
#[napi]
pub struct NativeRequest {
    cancel: CancelToken,
}

#[napi]
impl NativeRequest {
    /// Asks the request to stop.
    #[napi]
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

#[napi]
pub struct NativeClient {
    pub(crate) inner: Arc<SkillsmithApiClient>,
}

#[napi]
impl NativeClient {
    /// `provider` receives the requests for a token.
    #[napi(factory)]
    pub fn create(
        options: NativeClientOptions,
        variables: Variables,
        #[napi(ts_arg_type = "((request: NativeTokenRequest) => void) | undefined")]
        provider: Option<TokenListener<'_>>,
    ) -> Result<Self> {
        boundary(|| {
            let mut options = with_log(options.into(), &variables);
            if let Some(provider) = &provider {
                options = with_provider(options, provider)?;
            }
            Ok(Self {
                inner: Arc::new(SkillsmithApiClient::with_environment(
                    options,
                    &environment(variables),
                )?),
            })
        })
    }

    #[napi(getter)]
    pub fn base_url(&self) -> &str {
        self.inner.base_url()
    }

    #[napi(getter)]
    pub fn is_offline(&self) -> bool {
        self.inner.is_offline()
    }

    /// Requests the registry's health. The response is the JSON text of `{status, version}`.
    #[napi]
    pub fn check_health(
        &self,
        #[napi(ts_arg_type = "(event: TaskEvent) => void")] listener: Listener<'_>,
    ) -> Result<NativeRequest> {
        self.send(&listener, |client, call| {
            let report = client.health_report(call)?;
            Ok(serde_json::json!({
                "status": report.health.as_str(),
                "version": report.version,
            })
            .to_string())
        })
    }

    /// Requests a page. The response is its JSON text.
    #[napi]
    pub fn search(
        &self,
        request: SearchRequest,
        #[napi(ts_arg_type = "(event: TaskEvent) => void")] listener: Listener<'_>,
    ) -> Result<NativeRequest> {
        let mut wanted = PageRequest::new()
            .limit(request.limit.unwrap_or(engine::DEFAULT_PAGE_SIZE))
            .offset(
                request
                    .offset
                    .and_then(|offset| offset.try_into().ok())
                    .unwrap_or_default(),
            );
        wanted.query = request.query;
        wanted.trust_tier = request.trust_tier;
        wanted.category = request.category;
        wanted.min_score = request.min_quality_score;
        self.send(&listener, move |client, call| {
            client.search_text(&wanted, call)
        })
    }

    fn send(
        &self,
        listener: &Listener<'_>,
        request: impl FnOnce(&SkillsmithApiClient, &Call<'_>) -> skillsmith_sync::Result<String>
        + Send
        + 'static,
    ) -> Result<NativeRequest> {
        boundary(|| {
            let client = Arc::clone(&self.inner);
            let under_way = NativeRequest {
                cancel: CancelToken::new(),
            };
            start(listener, true, &under_way.cancel, move |_, cancel| {
                let call = Call::new(&cancel, &SystemClock).time_limit(engine::DEFAULT_DEADLINE);
                Ok(TaskEvent::Response {
                    text: request(&client, &call)?,
                })
            })?;
            Ok(under_way)
        })
    }
}
