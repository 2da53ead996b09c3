//! What a registry says about itself.

/// How a registry is.
///
/// ```
/// use skillsmith_sync::registry::Health;
///
/// assert_eq!(Health::Degraded.as_str(), "degraded");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// It serves.
    Healthy,
    /// It serves, with trouble.
    Degraded,
    /// It says that it does not serve.
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

/// What a registry says of itself: [`SkillsmithApiClient::health_report`].
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
    /// How it is.
    pub health: Health,
    /// Its version, where it says so.
    pub version: Option<String>,
}

/// What a registry says of its size: [`SkillsmithApiClient::statistics`]. Good to show, never a proof.
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
    /// Skills that it has.
    pub skill_count: Option<u64>,
    /// The newest stamp of a skill, as it was served.
    pub last_updated: Option<String>,
    /// Requests that it allows in a minute (`X-RateLimit-Limit`).
    pub rate_limit: Option<u64>,
}
