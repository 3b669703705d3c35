story  Somebody outside of eoul uses the GPU; the job waits until they are done
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
08:50  gpu 0 is taken
09:00  submit A by mina, 1h
09:45  gpu 0 is free
expect 09:10 A waits ReqNodeNotAvail  why: its GPU is somebody else's
expect 09:45 A start                  why: the GPU is free
expect finally A COMPLETED, 1 attempt
