-- Note that a job does not use an upload any more; forget the upload when it was the last. Works in a full Redis: it only removes.
-- ARGV 1 upload  2 job
-- Returns {'OK', 1 when the upload is gone}. Draws no arrow.
--include base

call('SREM', k_upload_jobs(ARGV[1]), ARGV[2])
if call('EXISTS', k_upload_jobs(ARGV[1])) == 1 then return { 'OK', 0 } end
call('DEL', k_upload(ARGV[1]))
return { 'OK', 1 }
