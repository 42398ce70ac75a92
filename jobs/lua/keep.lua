-- Remember an upload whose file is stored, and charge it to who uploaded it. Repeated it changes nothing, and charges nothing.
-- ARGV 1 now (µs, '' is Redis's)  2 upload  3 job that is about to be made of it ('' none)  4 seconds it is kept without a job
--      5 most bytes that the user may upload a day ('' not counted)  6 user  7 bytes  8… its fields and values
-- Returns {'OK'} | {'LIMITED', user, 'bytes', limit, used, µs until it is free again, 0}. Draws no arrow.
--include base limits

local now, upload, job, ttl_s, most, user, bytes = clock_now(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]

if call('EXISTS', k_upload(upload)) == 0 then
  if most ~= '' then
    local refused = refuse(user, 'bytes', bytes, most, now)
    if refused then return refused end
    charge(user, 'bytes', bytes, now)
  end
  call('HSET', k_upload(upload), unpack(ARGV, 8))
  call('EXPIRE', k_upload(upload), ttl_s)
end
if job ~= '' then
  call('SADD', k_upload_jobs(upload), job)
  call('PERSIST', k_upload(upload))
end
return { 'OK' }
