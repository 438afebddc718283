//! What a proxy is told, and what it writes down.

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the program to the server.
    Request,
    /// From the server to the program.
    Reply,
}

impl Direction {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Request, Self::Reply];
}

/// What went through a proxy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Connections that were taken.
    pub connections: u64,
    /// Those of them that are open.
    pub open: usize,
    /// Those of them that the proxy cut.
    pub cuts: u64,
    /// Bytes that were forwarded to the server.
    pub requested: u64,
    /// Bytes that were forwarded to programs.
    pub replied: u64,
    /// How many connections have something to forward, of a direction each, that a silence holds.
    pub held: usize,
}

/// What it is told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rules {
    /// One more with each change.
    pub(super) version: u64,
    pub(super) refuses: bool,
    /// By direction.
    pub(super) is_silent: [bool; 2],
    /// How often all connections were to be cut.
    pub(super) cuts: u64,
    pub(super) is_over: bool,
}

/// What it writes down.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) seen: Seen,
    /// The version of the rules that hold.
    pub(super) obeyed: u64,
    /// How many more bytes pass before a cut, by direction.
    pub(super) limits: [Option<u64>; 2],
    /// Connections that came to a limit, and whose ends are not closed yet.
    pub(super) cutting: usize,
}

impl Books {
    /// Writes down what is about to pass; answers how much of it may. Less than all is followed by a cut.
    pub(super) fn pass(&mut self, direction: Direction, bytes: usize) -> usize {
        let limit = &mut self.limits[direction as usize];
        let passed = match *limit {
            // A limit of more than a machine's memory is none.
            Some(left) if left < bytes as u64 => {
                *limit = None;
                self.cutting += 1;
                usize::try_from(left).unwrap_or(bytes)
            }
            Some(left) => {
                *limit = Some(left - bytes as u64);
                bytes
            }
            None => bytes,
        };
        match direction {
            Direction::Request => self.seen.requested += passed as u64,
            Direction::Reply => self.seen.replied += passed as u64,
        }
        passed
    }
}
