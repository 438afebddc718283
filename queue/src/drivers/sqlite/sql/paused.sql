-- Counts a pause or resume, so that other processes see it.
INSERT INTO queue_store (only, heard_at, rescue_from, pauses) VALUES (1, 0, 0, 1) ON CONFLICT (only) DO UPDATE SET pauses = pauses + 1
