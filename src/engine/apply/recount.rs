//! Compares what was counted with what is in the table, where triggers of other programs may have removed rows.

use super::Applier;
use crate::Result;

impl Applier<'_> {
    /// Takes back what was counted of rows that are gone; after a flush.
    pub(in crate::engine) fn recount(&mut self) -> Result<()> {
        if self.rules.dry_run || !self.tools.table.has.foreign_writes {
            return Ok(());
        }
        // What could not be written is not counted yet.
        let staged = self.stage.ids()?;
        for outcome in self.fingerprints.take_gone(self.tools.conn, &staged)? {
            self.tally.lose(outcome);
        }
        Ok(())
    }
}
