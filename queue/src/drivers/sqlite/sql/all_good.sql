-- Fails when the statement before did not change so many rows, and with it the transaction: the table takes no other row than its one.
INSERT INTO queue_store (only, heard_at, rescue_from) SELECT 0, 0, 0 WHERE changes() <> ?
