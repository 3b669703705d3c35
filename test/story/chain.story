story  Label, train, evaluate: each waits for the one before
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 2
09:00  submit label by mina, 1h
09:00  submit train by mina, 3h, afterok label
09:00  submit eval by mina, 30m, afterok train
09:00  submit sorry by mina, 5m, afternotok train
expect 09:00 train waits Dependency              why: label is not over
expect 10:00 train start                         why: label ended well
expect 13:00 eval start                          why: train ended well
expect 13:01 sorry waits DependencyNeverSatisfied  why: train did not fail, so this will never run
expect finally eval COMPLETED, 1 attempt
expect finally sorry PENDING, 0 attempts
