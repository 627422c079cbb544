# Clocks.

clock = Clock
clocks-title = Clocks
clocks-empty = No clock yet
clocks-empty-text = Add the first clock by its address. A clock that reports by itself shows up here as soon as its server address points to this machine.
clocks-retired = { $count ->
    [one] { $count } retired clock
   *[other] { $count } retired clocks
}
clock-add = Add clock
clock-add-title = Add a clock
clock-add-lead = For clocks that are read over the network (ZKTeco, port 4370).
clock-added = { $name } was added. Its log is being read now.
clock-adopted = { $name } was adopted. It sends its log by itself.
clock-dismissed = { $serial } was dismissed. It comes back when it reports again.
clock-saved = { $name } was saved.
clock-retired = { $name } was retired. Its punches stay.
clock-exists = This clock has been added already.
clock-read-now = Read its log
clock-reading = The log of { $name } is being read. What is new shows up here.
clock-back = All clocks
clock-edit-title = Settings of a clock
clock-facts = The clock
clock-counters = Counters
clock-name = Name
clock-name-hint = Where it hangs, such as “Gate 2”.
clock-serial = Serial number
clock-model = Model
clock-model-unknown = Unknown model
clock-firmware = Firmware
clock-records = Rows in its log
clock-users = Users
clock-address = Address
clock-address-hint = Such as 192.168.1.201, or with a port: 192.168.1.201:4370.
clock-address-bad = Use an address such as 192.168.1.201 or a host name.
clock-key = Communication key
clock-key-hint = Leave it empty unless one is set in the clock’s menu.
clock-key-bad = The key is a number of up to 9 digits.
clock-key-new = New communication key
clock-key-new-hint = Leave it empty to keep the one that is stored.
clock-direction = In/out keys
clock-direction-hint = Most factories ignore them: people press whatever is shown.
clock-set-time = Keep its time right
clock-test = Test
clock-state = State
clock-state-online = Online
clock-state-offline = Offline
clock-state-unknown = Not tried yet
clock-state-pending = Waiting
clock-state-retired = Retired
clock-state-wrong-clock = Another clock
clock-state-wrong-key = Wrong key
clock-seen = Last seen
clock-never = Never
clock-drift = Clock time
clock-drift-none = Right
clock-drift-ahead = { $span } ahead
clock-drift-behind = { $span } behind
clock-log = Log memory
clock-fill = { $count } of { $capacity }
clock-read = Log last read
clock-through = Complete until
clock-way = Connection
clock-punches = Latest punches
clock-punches-none = No punch within the last 31 days.
clock-said = { $at }: { $text }
clock-retire = Retire
clock-retire-sure = Retire { $name }? It is no longer read; its punches stay.

clock-advice-offline = The clock does not answer. Check its power and network cable, and that its address has not changed. It keeps its punches; they are read as soon as it answers again.
clock-advice-silent = The clock has not reported for a while. Check its power, its network cable and the server address in its menu. It keeps its punches and sends them later.
clock-advice-wrong-clock = Another clock answers at this address. Find out which address this clock has now and correct it in the settings.
clock-advice-wrong-key = The clock refuses the communication key. Look it up in the clock’s menu (Comm. → PC connection) and put it into the settings.

clock-probe-address = This address cannot be used. Check its spelling.
clock-probe-silent = Nothing answers at this address. Is the clock switched on, on this network, and not in use by another program?
clock-probe-no-clock = Something answers at this address, but it is no clock that is understood.
clock-probe-no-serial = The clock tells no serial number, so its punches could not be told from those of others.
clock-probe-key-needed = The clock wants a communication key. It stands in the clock’s menu (Comm. → PC connection).
clock-probe-key-wrong = The clock refuses this key. Some clocks lock themselves after a few tries, so check it before the next.
probe-found = A clock answered.

transport-tcp = Read over the network
transport-udp = Read over the network (UDP)
transport-push = Reports by itself
transport-file = Files are imported
direction-ignore = Ignore them, pair by time
direction-trust = Trust them
direction-in = Everybody comes in here
direction-out = Everybody goes out here

count-read = Rows read
count-read-note = All rows the clock delivered
count-new = New punches
count-new-note = In the ledger, once each
count-repeat = Repeats
count-repeat-note = Known already
count-bad = Set aside
count-bad-note = Cannot be punches
count-explained = Rows read = new punches + repeats + set aside. Nothing a clock delivers is lost or counted twice.

bad-title = Rows set aside
bad-none = Every row of this clock could be read.
bad-reason = Why
bad-at = First came
bad-raw = Bytes
bad-older = Older rows
bad-impossible-date = Impossible date
bad-implausible-date = Date far off
bad-user = No valid user
bad-doubtful = Doubtful row
bad-malformed = Not a row
bad-date-advice = Set the date on the clock right: punches from then on count.
bad-user-advice = Look up on the clock which user this is, and give the user a number.
bad-row-advice = Send the details to support if there are more than a few.

pending-title = Clocks waiting for you
pending-lead = They report to this machine. Nothing is taken from them before you adopt them.
pending-look = Look and adopt
adopt-title = Adopt a clock
adopt-lead = This clock reports to this machine. Adopt it if it is yours.
adopt-go = Adopt
adopt-dismiss = Not ours
adopt-dismiss-sure = Dismiss this clock? Nothing was taken from it; it comes back when it reports again.
adopt-facts = What it says of itself
adopt-first-seen = First seen
adopt-rows = Some of its rows
adopt-rows-none = It has sent no rows yet.
adopt-rows-note = Shown to recognise it by. The clock keeps them until it is adopted.

push-title = Clocks that report by themselves
push-text = Newer clocks (ADMS, “cloud server”) need no address here:
push-step-1 = In the clock’s menu, open Comm. → Cloud server settings.
push-step-2 = Set the server address to this machine and the port to 8471.
push-step-3 = Within a minute the clock shows up on the page Clocks. Adopt it there.

clock-events = What was done at the clock
clock-events-note = By the clock’s own time
clock-commands = What the clock is asked to do
clock-commands-note = It is told when it next reports
clock-cleared = The log was cleared at the clock itself on { $at }. All punches made until { $until } are here; later ones that had not been read are gone.
clock-cleared-unread = The log was cleared at the clock itself on { $at }. Up to when its punches had been read before is not known.
act-power-on = Switched on
act-menu = Menu opened
act-setting = Setting changed
act-user-deleted = Person deleted
act-data-cleared = All data cleared
act-time-set = Time set
act-factory-reset = Reset to factory settings
act-log-cleared = Log cleared
act-user-enrolled = Person enrolled
act-other = Operation { $code }
act-by = by { $admin }
command-queued = Waiting
command-sent = Told
command-answered = Done
command-failed = Failed
command-send-attendance = Send all punches again
command-send-users = Send all people
command-info = Tell its facts
command-other = Other command
clock-wrong-time = The clock’s time is wrong: { $off }. Every punch is at a wrong time, and days, lateness and overtime are wrong with it. Set the clock right, or let this machine do it (Edit, Keep its time right). If it is off by whole hours, check the site’s time zone first.
clock-wrong-time-posting = The clock’s time is wrong: { $off }. Every punch is at a wrong time, and days, lateness and overtime are wrong with it. Set time and time zone in the clock’s menu. If it is off by whole hours, check the site’s time zone first.
clock-disbelief-posting = Posts from an unexpected address: { $count ->
    [one] one request
   *[other] { $count } requests
} in this clock’s name refused, the last from { $address } on { $at }. The clock showed its communication key elsewhere. If this is the clock, switch it off and on so that it shows its key again. If not, find that machine: it tries to post punches in this clock’s name. Nothing was taken from it.
clock-disbelief-read = Posts from an unexpected address: { $count ->
    [one] one request
   *[other] { $count } requests
} in this clock’s name refused, the last from { $address } on { $at }. The clock is read at another address. If this is the clock, correct its address in the settings. If not, find that machine: it tries to post punches in this clock’s name. Nothing was taken from it.
clock-disbelief-key = Posts with another communication key: { $count ->
    [one] one request
   *[other] { $count } requests
} in this clock’s name refused, the last from { $address } on { $at }. If this is the clock, put the key of its menu into the settings; it keeps its punches. If not, find that machine: it tries to post punches in this clock’s name.
bad-left-out = { $count } more could not be read by anybody and were not kept.
bad-times = { $detail } (came { $count } times)
pending-dropped = { $count ->
    [one] One unknown clock
   *[other] { $count } unknown clocks
} fell out of the list of those that wait, the last on { $at } for one from { $address }. So many are not real: find the machine at that address. A real clock comes back by itself.
