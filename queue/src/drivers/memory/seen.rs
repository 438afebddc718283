//! Whether an id can have been stored before, answered without looking for it.

use std::collections::VecDeque;

use crate::job::JobId;

/// Ids of a block.
const BLOCK_IDS: usize = 4096;
/// Bits of a block: 16 an id, of which each sets 3, so that one in 200 unknown ids looks known.
const BLOCK_BITS: usize = 1 << 16;
/// Blocks that are kept: 256 Ki ids in half a MiB. Nobody pushes an id that so many have overtaken, unless it is a repetition.
const BLOCKS: usize = 64;

/// The ids that were stored lately, as a filter.
///
/// A push that is repeated after a lost reply brings an id again, and must store nothing. Looking every id up would cost more than
/// storing the job. Ids ascend, so one that is greater than all before is new; but pushers overtake each other between making
/// an id and storing it, so others must be told apart too. Only what this filter cannot tell is looked for.
#[derive(Debug, Default)]
pub(super) struct Seen {
    newest: Option<JobId>,
    /// The greatest id of the blocks that were dropped: up to here nothing is known.
    floor: Option<JobId>,
    blocks: VecDeque<Block>,
}

#[derive(Debug)]
struct Block {
    least: JobId,
    greatest: JobId,
    len: usize,
    bits: Box<[u64]>,
}

impl Seen {
    /// Whether the id was certainly never noted.
    pub(super) fn is_new(&self, id: JobId) -> bool {
        if self.newest.is_none_or(|newest| newest < id) {
            return true;
        }
        if self.floor.is_some_and(|floor| id <= floor) {
            return false;
        }
        let bits = bits_of(id);
        !self.blocks.iter().any(|block| block.least <= id && id <= block.greatest && block.has(bits))
    }

    /// Notes an id that is stored.
    pub(super) fn note(&mut self, id: JobId) {
        self.newest = self.newest.max(Some(id));
        if self.blocks.back().is_none_or(|block| block.len == BLOCK_IDS) {
            self.begin(id);
        }
        if let Some(block) = self.blocks.back_mut() {
            block.len += 1;
            block.least = block.least.min(id);
            block.greatest = block.greatest.max(id);
            for bit in bits_of(id) {
                block.bits[bit / 64] |= 1 << (bit % 64);
            }
        }
    }

    fn begin(&mut self, id: JobId) {
        let mut bits = None;
        if self.blocks.len() == BLOCKS
            && let Some(mut oldest) = self.blocks.pop_front()
        {
            self.floor = self.floor.max(Some(oldest.greatest));
            oldest.bits.fill(0);
            bits = Some(oldest.bits);
        }
        let bits = bits.unwrap_or_else(|| vec![0; BLOCK_BITS / 64].into_boxed_slice());
        self.blocks.push_back(Block { least: id, greatest: id, len: 0, bits });
    }
}

impl Block {
    fn has(&self, bits: [usize; 3]) -> bool {
        bits.iter().all(|bit| self.bits[bit / 64] & (1 << (bit % 64)) != 0)
    }
}

/// The bits of an id, from a multiplicative hash, whose upper bits are its good ones.
fn bits_of(id: JobId) -> [usize; 3] {
    let number = id.as_u128();
    let folded = (number >> 64) as u64 ^ number as u64;
    let hash = (folded ^ (folded >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    [16, 32, 48].map(|shift| (hash >> shift) as usize & (BLOCK_BITS - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> JobId {
        JobId::from_u128(number)
    }

    #[test]
    fn what_was_noted_is_never_new() {
        let mut seen = Seen::default();
        let noted = || (0..3 * BLOCK_IDS as u128).map(|number| id(number * 7_919 % 1_000_003));
        noted().for_each(|id| seen.note(id));
        assert!(noted().all(|id| !seen.is_new(id)));
    }

    #[test]
    fn nearly_all_that_was_overtaken_is_told_apart() {
        let mut seen = Seen::default();
        let ids: Vec<_> = (0..20_000).map(|_| JobId::new()).collect();
        ids.iter().step_by(2).for_each(|&id| seen.note(id));
        let unsure = ids.iter().skip(1).step_by(2).filter(|&&id| !seen.is_new(id)).count();
        assert!(unsure < 200, "{unsure} of 10,000 would have to be looked for");
    }

    #[test]
    fn nothing_is_claimed_of_ids_older_than_the_filter() {
        let mut seen = Seen::default();
        let last = (BLOCK_IDS * (BLOCKS + 2)) as u128;
        (1..=last).for_each(|number| seen.note(id(2 * number)));
        assert!(!seen.is_new(id(2)) && !seen.is_new(id(3)), "their block was dropped");
        assert!(seen.is_new(id(2 * last + 1)));
        assert!(seen.blocks.len() <= BLOCKS);
    }
}
