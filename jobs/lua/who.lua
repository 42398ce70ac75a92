-- Know whom a token stands for, in one round trip. Writes nothing but when the token was used, once a minute.
-- ARGV 1 the token's digest  2 now (µs, '' is Redis's)
-- Returns {'OK', user, organisation, role, created (s)} | {'NOBODY'}. Draws no arrow.
--include base people

local who = person_of(ARGV[1], clock_now(ARGV[2]))
if not who then return { 'NOBODY' } end
return { 'OK', unpack(who) }
