//! What a registry says about itself.

/// Health of a registry.
///
/// ```
/// use skillsmith_sync::registry::Health;
///
/// assert_eq!(Health::Degraded.as_str(), "degraded");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// It works.
    Healthy,
    /// It works with restrictions.
    Degraded,
    /// It reports that it does not work.
    Unhealthy,
}

impl Health {
    /// The word that the registry uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// Health and version of a registry: see
/// [`SkillsmithApiClient::health_report`](super::SkillsmithApiClient::health_report).
///
/// ```no_run
/// use skillsmith_sync::clock::SystemClock;
/// use skillsmith_sync::registry::{Call, Health};
/// use skillsmith_sync::{CancelToken, ClientOptions, SkillsmithApiClient};
///
/// let client = SkillsmithApiClient::new(ClientOptions::new())?;
/// let report = client.health_report(&Call::new(&CancelToken::new(), &SystemClock))?;
/// if report.health == Health::Healthy {
///     println!("version {}", report.version.as_deref().unwrap_or("unknown"));
/// }
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HealthReport {
    /// Its health.
    pub health: Health,
    /// Its version, if it reports one.
    pub version: Option<String>,
    /// What came instead of a report of its health, in words.
    pub(crate) instead: Option<String>,
}

/// Size of a registry, as it reports it: see
/// [`SkillsmithApiClient::statistics`](super::SkillsmithApiClient::statistics). For display only.
///
/// ```no_run
/// use skillsmith_sync::clock::SystemClock;
/// use skillsmith_sync::registry::Call;
/// use skillsmith_sync::{CancelToken, ClientOptions, SkillsmithApiClient};
///
/// let client = SkillsmithApiClient::new(ClientOptions::new())?;
/// let statistics = client.statistics(&Call::new(&CancelToken::new(), &SystemClock))?;
/// println!("{:?} skills", statistics.skill_count);
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegistryStatistics {
    /// Number of skills.
    pub skill_count: Option<u64>,
    /// The latest timestamp of a skill, as served.
    pub last_updated: Option<String>,
    /// Number of requests allowed per minute (`X-RateLimit-Limit`).
    pub rate_limit: Option<u64>,
}
