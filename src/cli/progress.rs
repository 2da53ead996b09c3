//! The progress bar of a sync, on stderr if that is a terminal.

use std::fmt;
use std::io;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};

use super::console::Console;
use super::streams::Stream;
use super::text::clean;
use super::time::Zone;
use crate::{SyncPhase, SyncProgress};

/// Redraws a second, at most.
const REFRESH_RATE: u8 = 10;

/// The spinner also turns while a page is slow to arrive.
const TICK: Duration = Duration::from_millis(120);

/// Below this width the bar itself has to be short.
const ROOMY: u16 = 80;

/// What the line shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// The total is not known (yet).
    Spinner,
    /// A bar as wide as the terminal allows.
    Bar,
    /// The reason of a wait, in place of the bar.
    Wait,
}

/// The progress line of a sync. Does nothing where it must not be drawn.
#[derive(Clone)]
pub(super) struct Line {
    bar: ProgressBar,
    layout: Layout,
    wide: bool,
    /// Rows read, as last reported.
    position: u64,
    zone: Zone,
}

impl Line {
    /// The line is drawn at once, until [`clear`](Self::clear).
    pub(super) fn new(console: &Console<'_>) -> Self {
        let stderr = &console.terminal.stderr;
        let wide = stderr.width().is_some_and(|width| width >= ROOMY);
        let layout = Layout::Spinner;
        let bar = if console.draws() {
            let target = Box::new(Target(stderr.clone()));
            let bar = ProgressBar::with_draw_target(
                None,
                ProgressDrawTarget::term_like_with_hz(target, REFRESH_RATE),
            );
            bar.set_style(layout.style(wide));
            bar.set_prefix(word(SyncPhase::Connecting));
            bar.enable_steady_tick(TICK);
            bar
        } else {
            ProgressBar::hidden()
        };
        Self {
            bar,
            layout,
            wide,
            position: 0,
            zone: console.zone,
        }
    }

    /// Shows the progress of the run.
    pub(super) fn show(&mut self, progress: &SyncProgress) {
        self.bar.set_prefix(word(progress.phase));
        let fetching = progress.phase == SyncPhase::Fetching;
        if fetching && progress.total > 0 {
            self.bar.set_length(progress.total);
        }
        if fetching && progress.current > self.position {
            self.position = progress.current;
            self.bar.set_position(progress.current);
            if self.bar.length().is_some() {
                // The bar shows all about a page but the number of changes.
                self.lay_out(Layout::Bar);
                self.bar
                    .set_message(format!("{} new or changed", progress.skills_changed));
                return;
            }
        } else if fetching && self.layout == Layout::Bar {
            self.lay_out(Layout::Wait);
        }
        if let Some(message) = &progress.message {
            self.bar.set_message(clean(&self.zone.in_message(message)));
        }
    }

    fn lay_out(&mut self, layout: Layout) {
        if self.layout != layout {
            self.layout = layout;
            self.bar.set_style(layout.style(self.wide));
        }
    }

    /// Removes the line.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").finish_non_exhaustive()
    }
}

const fn word(phase: SyncPhase) -> &'static str {
    match phase {
        SyncPhase::Connecting => "Connecting",
        SyncPhase::Fetching => "Fetching",
        SyncPhase::Comparing => "Comparing",
        SyncPhase::Upserting => "Writing",
        SyncPhase::Complete => "Complete",
    }
}

impl Layout {
    fn style(self, wide: bool) -> ProgressStyle {
        let template = match self {
            Self::Spinner => "{spinner} {prefix:10} {wide_msg}",
            Self::Bar if wide => "{spinner} {prefix:10} [{bar:24}] {pos}/{len} {rate} {wide_msg}",
            Self::Bar => "{spinner} {prefix:10} [{bar:10}] {pos}/{len} {wide_msg}",
            Self::Wait => "{spinner} {pos}/{len} {wide_msg}",
        };
        ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_spinner())
            .with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
                _ = write!(out, "{:.0}/s", state.per_sec());
            })
            .progress_chars("=> ")
    }
}

/// Our stderr, with indicatif's interface.
struct Target(Stream);

impl Target {
    /// Moves the cursor; the escape code takes 0 as 1.
    fn go(&self, count: usize, direction: char) {
        if count > 0 {
            self.0.write(&format!("\x1b[{count}{direction}"));
        }
    }
}

// The stream handles failures: it stops writing.
impl TermLike for Target {
    fn width(&self) -> u16 {
        self.0.width().unwrap_or(ROOMY)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.go(n, 'A');
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.go(n, 'B');
        Ok(())
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.go(n, 'C');
        Ok(())
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.go(n, 'D');
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.0.write(&format!("{text}\n"));
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.write(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.write("\r\x1b[2K");
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Target").field(&self.0).finish()
    }
}
