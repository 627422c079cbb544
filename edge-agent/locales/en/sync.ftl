# Sync.

sync-title = Sync
sync-alone = This agent works on its own.
sync-alone-advice = Clocks, attendance and reports work without the cloud. Connect it to see several sites together.
sync-in-step = In step with the cloud.
sync-in-step-advice = Everything that happened here has arrived.
sync-sending = Sending to the cloud.
sync-sending-advice = The rest follows by itself. Nothing is lost when the connection breaks.
sync-offline = The cloud cannot be reached at the moment.
sync-offline-advice = Work goes on here as always. What waits is sent by itself when the internet is back.
sync-retired = The cloud has retired this agent.
sync-retired-advice = It goes on collecting punches, but nothing is sent. Ask your company’s administrator.
sync-said = Last answer: { $text }
sync-state-title = Connection
sync-cloud = Cloud
sync-last = Last exchange
sync-never = Never
sync-at = { $ago } ({ $at })
sync-waiting = Waiting to be sent
sync-oldest = Oldest of it
sync-ledger = Punches delivered
sync-records = Changes delivered
sync-progress = { $done } of { $all }
sync-counts = Counters side by side
sync-counts-empty = Once a clock is connected, its numbers stand here beside those of this agent.
sync-clock = In the clock’s log
sync-edge = In the ledger
