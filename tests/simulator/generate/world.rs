//! Generates rows and the behaviour of the registry.

use super::Maker;
use crate::skill::{ABSENT_TIER, NULL_TIER, Odd, Row, Stamp};
use crate::style::{Behind, LimitSays, Order, Plain, Style, TotalSays};

/// Invalid timestamps, and one out of range.
pub(super) const MALFORMED: [&str; 5] = [
    "",
    "yesterday",
    "2026-13-45T00:00:00Z",
    "+262142-12-31T23:59:60.9+00:00",
    "9999-99",
];

impl Maker {
    pub(super) fn new_row(&mut self) -> Row {
        // Sometimes, the same skill again.
        if self.mood.rows && self.next > 0 && self.random.chance(6) {
            let n = self.random.below(self.next);
            return Row {
                twin: true,
                ..self.row(n)
            };
        }
        self.next += 1;
        self.row(self.next - 1)
    }

    /// A new version of a row.
    pub(super) fn row(&mut self, n: u32) -> Row {
        self.version += 1;
        let oddity = self.mood.rows && self.random.chance(12);
        let odd = if self.mood.bad && self.random.chance(50) {
            *self
                .random
                .pick(&[Odd::NoId, Odd::NoId, Odd::NotObject, Odd::NullName])
        } else if !oddity {
            Odd::None
        } else if self.random.chance(60) {
            *self.random.pick(&Odd::REJECTED)
        } else {
            *self.random.pick(&Odd::VALID)
        };
        let row = Row {
            n,
            v: self.version,
            stamp: self.stamp(),
            url: self.url(n),
            tier: self.tier(),
            odd,
            twin: false,
            hidden: self.mood.style && self.random.chance(4),
            fat: if self.random.chance(6) { 40 } else { 0 },
        };
        self.made.push(row.clone());
        row
    }

    fn url(&mut self, n: u32) -> Option<u32> {
        match self.random.below(20) {
            0 => None,
            // Somebody else's.
            1 | 2 => Some(self.known_id()),
            _ => Some(n),
        }
    }

    fn tier(&mut self) -> u8 {
        match self.random.below(20) {
            0 if self.mood.rows || self.mood.style => NULL_TIER,
            1 if self.mood.rows || self.mood.style => 7,
            2 if self.mood.rows => ABSENT_TIER,
            _ => *self.random.pick(&[0, 1, 2, 3, 3, 3, 4, 5, 6]),
        }
    }

    fn stamp(&mut self) -> Stamp {
        self.now += 1;
        if !self.mood.stamps {
            return Stamp::At(self.now);
        }
        match self.random.below(16) {
            0 => Stamp::Null,
            1 => Stamp::Absent,
            2 => Stamp::Text((*self.random.pick(&MALFORMED)).into()),
            // Visible late, older than before, or in the future.
            3 | 4 => Stamp::At(self.now - 5_000),
            5 => Stamp::At(-86_400),
            6 => Stamp::At(self.now + 40_000_000),
            7 => Stamp::At(7),
            _ => Stamp::At(self.now),
        }
    }

    pub(super) fn style(&mut self) -> Style {
        let mut style = Style {
            latency_ms: *self.random.pick(&[0, 100, 100, 2_000]),
            ..Style::default()
        };
        style.sync_endpoint = self.random.chance(30);
        // Only a few quirks at once.
        for _ in 0..self.random.between(1, 3) {
            self.quirk(&mut style);
        }
        style
    }

    fn quirk(&mut self, style: &mut Style) {
        let small = self.random.between(1, 25);
        match self.random.below(13) {
            0 | 1 => style.clamp = Some(*self.random.pick(&[2, 3, 5, 10, 20, 50, 100])),
            2 => {
                let clamp = *self.random.pick(&[2, 3, 5, 10]);
                style.clamp = Some(clamp);
                style.limit = *self.random.pick(&[
                    LimitSays::Asked,
                    LimitSays::Nothing,
                    LimitSays::Constant(1_000),
                    LimitSays::Constant(small),
                ]);
            }
            3 => {
                style.limit = *self.random.pick(&[
                    LimitSays::Asked,
                    LimitSays::Nothing,
                    LimitSays::Constant(1_000),
                ]);
            }
            4..=6 => {
                style.total = *self.random.pick(&[
                    TotalSays::Page,
                    TotalSays::OffsetPlusPage,
                    TotalSays::Capped(small),
                    TotalSays::Constant(small),
                    TotalSays::Constant(150),
                    TotalSays::Nothing,
                    TotalSays::Nothing,
                    TotalSays::Over(small),
                    TotalSays::Varying,
                ]);
            }
            7 | 8 => {
                style.order = *self
                    .random
                    .pick(&[Order::Score, Order::Changed, Order::Random]);
            }
            9 => style.behind = Behind::Refused(*self.random.pick(&[416, 400, 404])),
            10 => {
                style.depth = Some(small);
                style.depth_answer = *self.random.pick(&[
                    Behind::Empty,
                    Behind::Refused(400),
                    Behind::Refused(404),
                    Behind::Refused(416),
                ]);
            }
            11 => {
                style.plain =
                    *self
                        .random
                        .pick(&[Plain::Refused, Plain::Refused, Plain::WordsOnly]);
                if self.random.chance(30) {
                    style.refused_tiers = vec![5, 6];
                }
            }
            _ => {
                if self.random.chance(50) {
                    style.sync_endpoint = !style.sync_endpoint;
                } else {
                    style.offset_ignored = true;
                }
            }
        }
    }
}
