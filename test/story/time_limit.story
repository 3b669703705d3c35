story  A job that outlives its limit is ended; a longer limit set in time saves it
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 2
09:00  submit A by mina, 3h, limit 1h
09:00  submit B by mina, 3h, limit 1h
09:30  set B limit 4h
expect 10:00 A end TIMEOUT  why: one hour is over
expect 12:00 B end          why: it had four
