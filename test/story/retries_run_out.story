story  Retries are counted: the last failure stays
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
09:00  submit A by mina, 10m, fails 5 times, retries 1, backoff 1m
expect 09:11 A start        why: one minute after its failure
expect 09:21 A end FAILED   why: the only retry is used up
expect finally A FAILED, 2 attempts
