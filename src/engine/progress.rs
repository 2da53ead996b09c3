//! Telling the caller how the run gets on, phases in their order.

use super::cursor::Cursor;
use super::options::{OnProgress, SyncPhase, SyncProgress};
use super::tally::Tally;

/// The caller's callback, and what it was told last.
pub(super) struct Progress<'a> {
    callback: Option<OnProgress<'a>>,
    furthest: Option<SyncPhase>,
    /// Rows of the listing read, and rows in all; 0 while unknown.
    position: (u64, u64),
}

impl<'a> Progress<'a> {
    pub(super) fn new(callback: Option<OnProgress<'a>>) -> Self {
        Self {
            callback,
            furthest: None,
            position: (0, 0),
        }
    }

    pub(super) fn connecting(&mut self, tally: &Tally) {
        self.tell(
            SyncPhase::Connecting,
            (0, 0),
            tally,
            "Checking the registry",
        );
    }

    pub(super) fn connected(&mut self, tally: &Tally, message: &str) {
        self.tell(SyncPhase::Fetching, (0, 0), tally, message);
    }

    pub(super) fn waiting(&mut self, tally: &Tally, reason: &str) {
        let phase = self.furthest.map_or(SyncPhase::Connecting, |furthest| {
            furthest.min(SyncPhase::Fetching)
        });
        self.tell(phase, self.position, tally, reason);
    }

    /// A page has come, up to `cursor`, and is about to be compared.
    pub(super) fn page(&mut self, cursor: &Cursor, tally: &Tally) {
        let (read, total) = cursor.progress();
        // The total of a pass that has just begun, or ended, is not known; that of the others is.
        let total = if total == 0 && self.position.1 > 0 {
            self.position.1.max(read)
        } else {
            total
        };
        self.position = (read, total);
        let message = format!("Read {read} skills");
        self.tell(SyncPhase::Fetching, self.position, tally, &message);
        self.comparing(tally);
    }

    fn comparing(&mut self, tally: &Tally) {
        if self.furthest < Some(SyncPhase::Comparing) {
            self.tell(
                SyncPhase::Comparing,
                self.position,
                tally,
                "Comparing with the local database",
            );
        }
    }

    /// A batch was written.
    pub(super) fn wrote(&mut self, tally: &Tally) {
        let changed = tally.changed();
        let message = format!("Wrote {changed} changed skills");
        self.comparing(tally);
        self.tell(SyncPhase::Upserting, (changed, changed), tally, &message);
    }

    /// The run is at its end.
    pub(super) fn complete(&mut self, tally: &Tally) {
        if self.furthest < Some(SyncPhase::Upserting) {
            self.wrote(tally);
        }
        let changed = tally.changed();
        self.tell(
            SyncPhase::Complete,
            (changed, changed),
            tally,
            "Sync complete",
        );
    }

    fn tell(
        &mut self,
        phase: SyncPhase,
        (current, total): (u64, u64),
        tally: &Tally,
        message: &str,
    ) {
        self.furthest = self.furthest.max(Some(phase));
        if let Some(callback) = &mut self.callback {
            callback(&SyncProgress {
                phase,
                current,
                total,
                skills_processed: tally.processed(),
                skills_changed: tally.changed(),
                message: Some(message.to_owned()),
            });
        }
    }
}
