//! What the process is told.

use crate::exit;
use crate::failure::Failure;

/// What the process is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// Take no more jobs: SIGTSTP.
    Quiet,
    /// Say what runs: SIGUSR1.
    Report,
}

impl Signal {
    /// The code to end with when it cut a stop short.
    pub(super) fn code(self) -> Option<u8> {
        match self {
            Self::Interrupt => Some(exit::INTERRUPTED),
            Self::Terminate => Some(exit::TERMINATED),
            Self::Quiet | Self::Report => None,
        }
    }
}

#[cfg(unix)]
pub(super) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    stop: tokio::signal::unix::Signal,
    user: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// From now on no signal ends the process by itself.
    pub(super) fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = || {
            Ok::<_, std::io::Error>(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
                stop: signal(SignalKind::from_raw(20))?,
                user: signal(SignalKind::user_defined1())?,
                hang_up: signal(SignalKind::hangup())?,
            })
        };
        listen().map_err(|error| Failure::new(exit::FAILED, format!("cannot listen to signals: {error}")))
    }

    pub(super) async fn next(&mut self) -> Signal {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return Signal::Interrupt,
                _ = self.terminate.recv() => return Signal::Terminate,
                _ = self.stop.recv() => return Signal::Quiet,
                _ = self.user.recv() => return Signal::Report,
                // The terminal went away, and the work goes on.
                _ = self.hang_up.recv() => {}
            }
        }
    }
}

#[cfg(not(unix))]
pub(super) struct Signals {
    stop: tokio::signal::windows::CtrlBreak,
    close: tokio::signal::windows::CtrlClose,
}

#[cfg(not(unix))]
impl Signals {
    pub(super) fn listen() -> Result<Self, Failure> {
        use tokio::signal::windows::{ctrl_break, ctrl_close};
        let listen = || Ok::<_, std::io::Error>(Self { stop: ctrl_break()?, close: ctrl_close()? });
        listen().map_err(|error| Failure::new(exit::FAILED, format!("cannot listen to signals: {error}")))
    }

    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => Signal::Interrupt,
            _ = self.stop.recv() => Signal::Terminate,
            _ = self.close.recv() => Signal::Terminate,
        }
    }
}
