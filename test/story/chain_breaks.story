story  The chain breaks: what waited for success waits for ever, what waited for failure runs
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
09:00  submit train by mina, 1h, fails
09:00  submit eval by mina, 30m, afterok train
09:00  submit sorry by mina, 5m, afternotok train
09:00  submit clean by mina, 5m, afterany train
12:00  cancel eval
expect 10:00 sorry start                          why: train failed
expect 10:05 clean start                          why: train is over, however it ended
expect 10:30 eval waits DependencyNeverSatisfied  why: train did not end well
expect 12:00 eval end CANCELLED                   why: mina cancels it
