//! What the process is told.

use crate::exit;
use crate::failure::Failure;

/// What the process is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
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
    pub(crate) fn code(self) -> Option<u8> {
        match self {
            Self::Interrupt => Some(exit::INTERRUPTED),
            Self::Terminate => Some(exit::TERMINATED),
            Self::Quiet | Self::Report => None,
        }
    }
}

/// SIGTSTP, which tokio has no name for.
#[cfg(any(target_os = "linux", target_os = "android"))]
const TSTP: i32 = 20;
/// SIGTSTP, which tokio has no name for: the BSDs and macOS call 20 what tells of a child that ended.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
const TSTP: i32 = 18;

#[cfg(unix)]
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    stop: tokio::signal::unix::Signal,
    user: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// From now on no signal ends the process by itself.
    pub(crate) fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = || {
            Ok::<_, std::io::Error>(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
                stop: signal(SignalKind::from_raw(TSTP))?,
                user: signal(SignalKind::user_defined1())?,
                hang_up: signal(SignalKind::hangup())?,
            })
        };
        listen().map_err(|error| Failure::new(exit::FAILED, format!("cannot listen to signals: {error}")))
    }

    pub(crate) async fn next(&mut self) -> Signal {
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

/// What ends a command that is no worker, and nothing else. From this call on neither signal ends the process by itself.
#[cfg(unix)]
pub(crate) fn end() -> Result<impl Future<Output = Signal>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let deaf = |error| Failure::new(exit::FAILED, format!("cannot listen to signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(deaf)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(deaf)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => Signal::Interrupt,
            _ = terminate.recv() => Signal::Terminate,
        }
    })
}

/// What ends a command that is no worker.
#[cfg(not(unix))]
pub(crate) fn end() -> Result<impl Future<Output = Signal>, Failure> {
    let mut signals = Signals::listen()?;
    Ok(async move { signals.next().await })
}

#[cfg(not(unix))]
pub(crate) struct Signals {
    stop: tokio::signal::windows::CtrlBreak,
    close: tokio::signal::windows::CtrlClose,
}

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn listen() -> Result<Self, Failure> {
        use tokio::signal::windows::{ctrl_break, ctrl_close};
        let listen = || Ok::<_, std::io::Error>(Self { stop: ctrl_break()?, close: ctrl_close()? });
        listen().map_err(|error| Failure::new(exit::FAILED, format!("cannot listen to signals: {error}")))
    }

    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => Signal::Interrupt,
            _ = self.stop.recv() => Signal::Terminate,
            _ = self.close.recv() => Signal::Terminate,
        }
    }
}
