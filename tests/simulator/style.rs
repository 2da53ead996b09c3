//! The behaviour of a registry: its limit, total and order, and what it refuses.

use serde::{Deserialize, Serialize};

use crate::skill::is_default;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Style {
    /// The largest number of rows in a page, whatever the request.
    #[serde(skip_serializing_if = "is_default")]
    pub clamp: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    pub limit: LimitSays,
    #[serde(skip_serializing_if = "is_default")]
    pub total: TotalSays,
    #[serde(skip_serializing_if = "is_default")]
    pub order: Order,
    #[serde(skip_serializing_if = "is_default")]
    pub plain: Plain,
    #[serde(skip_serializing_if = "is_default")]
    pub refused_tiers: Vec<u8>,
    /// The response after the last row.
    #[serde(skip_serializing_if = "is_default")]
    pub behind: Behind,
    /// Requests with offsets from here on get `depth_answer`.
    #[serde(skip_serializing_if = "is_default")]
    pub depth: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    pub depth_answer: Behind,
    #[serde(skip_serializing_if = "is_default")]
    pub offset_ignored: bool,
    /// It has a sync endpoint, which lists by id and without a total.
    #[serde(skip_serializing_if = "is_default")]
    pub sync_endpoint: bool,
    /// Virtual milliseconds per request.
    #[serde(skip_serializing_if = "is_default")]
    pub latency_ms: u32,
}

/// `meta.limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum LimitSays {
    #[default]
    Used,
    Asked,
    Nothing,
    Constant(u32),
}

/// `meta.total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TotalSays {
    #[default]
    Rows,
    Page,
    OffsetPlusPage,
    Capped(u32),
    Constant(u32),
    Nothing,
    /// This many more than there are.
    Over(u32),
    Varying,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Order {
    #[default]
    Id,
    Score,
    /// Changed rows move to the end.
    Changed,
    /// A different one for every request.
    Random,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Plain {
    #[default]
    Served,
    /// Requires a tier or a word.
    Refused,
    /// Requires a word.
    WordsOnly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Behind {
    #[default]
    Empty,
    Refused(u16),
}
