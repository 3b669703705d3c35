story  The power fails: what ran is lost, what waited still waits
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
09:00  submit A by mina, 3h
09:10  submit B by mina, 1h
10:00  power fails
expect 10:00 A end NODE_FAIL  why: claimed, gone, and no record of its end
expect 10:00 B start          why: it was in the queue, which is on the disk
expect finally B COMPLETED, 1 attempt
