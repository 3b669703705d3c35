story  The daemon dies with a submit not yet on the disk: the client asks again under the same key
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
09:00  daemon dies before its commit
09:00  submit A by mina, 1h
expect 09:00 A start  why: asked again twenty seconds later
expect finally A COMPLETED, 1 attempt
