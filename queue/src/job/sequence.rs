//! Where new ids come from: each one greater than those before it, and none that another process makes.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// The sequence of this process. Not one a thread: a thread may push while its thread-locals are dropped.
static SEQUENCE: Mutex<Sequence> = Mutex::new(Sequence::new());

/// How many bits of an id follow its time, without those that say which version it is (RFC 9562, 5.7).
const TAIL: u32 = 74;

/// The next id, as a number.
pub(super) fn next() -> u128 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // Only the loss of randomness panics under this lock, and leaves it whole.
    SEQUENCE.lock().unwrap_or_else(PoisonError::into_inner).next(now)
}

struct Sequence {
    millis: u64,
    /// The bits of the last id that follow its time.
    tail: u128,
    random: Random,
}

impl Sequence {
    const fn new() -> Self {
        Self { millis: 0, tail: 0, random: Random { bytes: [0; 1024], left: 0 } }
    }

    fn next(&mut self, now: Duration) -> u128 {
        let now = now.as_secs() * 1_000 + u64::from(now.subsec_millis());
        let tail = self.tail + 1 + u128::from(self.random.number());
        if now <= self.millis && tail >> TAIL == 0 {
            // In the same millisecond, or after a step back of the clock: a random step on, so that nobody can guess the next one.
            self.tail = tail;
        } else {
            self.millis = now.max(self.millis + 1);
            // The first bit stays free: room for 2 to the 42 steps.
            self.tail = (0..4).fold(0, |bits, _| bits << 32 | u128::from(self.random.number())) >> (128 - TAIL + 1);
        }
        let (version, variant) = (7 << 76, 2 << 62);
        u128::from(self.millis) << 80 | version | (self.tail >> 62) << 64 | variant | self.tail & ((1 << 62) - 1)
    }
}

/// Randomness of the system, fetched in stock.
struct Random {
    bytes: [u8; 1024],
    left: usize,
}

impl Random {
    fn number(&mut self) -> u32 {
        if self.left == 0 {
            getrandom::fill(&mut self.bytes).expect("the system gives random bytes");
            self.left = self.bytes.len();
        }
        self.left -= 4;
        let taken = self.bytes[self.left..].first_chunk().copied().unwrap_or_default();
        u32::from_ne_bytes(taken)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::{Uuid, Variant, Version};

    use super::*;

    const NOW: Duration = Duration::from_millis(1_700_000_000_123);

    fn millis(id: u128) -> u128 {
        id >> 80
    }

    #[test]
    fn ids_grow_whatever_the_clock_does() {
        let mut sequence = Sequence::new();
        let mut last = 0;
        for step in 0..100_000 {
            let now = match step {
                ..50_000 => NOW,
                50_000..70_000 => NOW + Duration::from_micros(step * 10),
                _ => NOW - Duration::from_secs(3_600),
            };
            let id = sequence.next(now);
            assert!(id > last, "{id:x} after {last:x}");
            last = id;
        }
        assert_eq!(millis(last), NOW.as_millis() + 700 - 1);
    }

    #[test]
    fn a_millisecond_that_is_full_lends_from_the_next() {
        let mut sequence = Sequence::new();
        let first = sequence.next(NOW);
        sequence.tail = (1 << TAIL) - 1;
        let second = sequence.next(NOW);
        assert_eq!((millis(first), millis(second)), (NOW.as_millis(), NOW.as_millis() + 1));
        assert!(sequence.next(NOW) > second);
    }

    #[test]
    fn an_id_is_a_uuid_of_version_7() {
        let mut sequence = Sequence::new();
        for _ in 0..1_000 {
            let id = Uuid::from_u128(sequence.next(NOW));
            assert_eq!((id.get_version(), id.get_variant()), (Some(Version::SortRand), Variant::RFC4122));
            let time = id.get_timestamp().expect("it has a time").to_unix();
            assert_eq!(Duration::new(time.0, time.1), NOW);
        }
    }

    #[test]
    fn two_sequences_share_nothing() {
        let (mut one, mut two) = (Sequence::new(), Sequence::new());
        let ids: HashSet<u128> = (0..10_000).flat_map(|_| [one.next(NOW), two.next(NOW)]).collect();
        assert_eq!(ids.len(), 20_000);
        // The bits behind the time are spread, the free one apart.
        let firsts: Vec<u128> = (0..256).map(|_| Sequence::new().next(NOW)).collect();
        let (all, any) = firsts.iter().fold((u128::MAX, 0), |(all, any), id| (all & id, any | id));
        let random = !(u128::MAX << 80) & !(0b11 << 62) & !(0b1_1111 << 75);
        assert_eq!((all & random, any & random), (0, random));
    }
}
