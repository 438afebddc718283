-- Removes workers that died: shown as long as the jobs that they completed, and at least for the length of a lease.
DELETE FROM queue_workers WHERE seen_at + max(lease, ?) <= ?
