# Texts of the kit: shell, components, errors, sign-in, dates and numbers.
# A binary may give any of these keys another text in its own file.

language-name = English

## Shell

skip-to-content = Skip to content
nav-main = Main
nav-more = More
nav-menu = Menu
sign-out = Sign out
cancel = Cancel
confirm = Confirm
confirm-title = Please confirm
live-on = Live
live-off = Reconnecting…
sync-state = State of this site: { $state }

## Components

table-sort = Sort by { $column }
pager = Pages
pager-previous = Previous
pager-next = Next
form-required = Please fill this in.
form-required-mark = required
show-password = Show password

## Status of a day

mark-present = Present
mark-late = Late
mark-left-early = Left early
mark-half-day = Half day
mark-working = Working
mark-absent = Absent
mark-missing-punch = Missing punch
mark-provisional = Provisional
mark-not-started = Not started
mark-not-in = Not in yet
mark-leave = Leave
mark-weekly-off = Weekly off
mark-holiday = Holiday
mark-on-duty = On duty
mark-unscheduled = Unscheduled

## Sign-in

sign-in-title = Sign in
sign-in-name = User name
sign-in-email = E-mail address
sign-in-password = Password
sign-in-submit = Sign in
sign-in-ended = Your session has ended. Sign in again to go on.
sign-in-forgotten = Forgot your password?
sign-in-refused = The name or the password is not right.
sign-in-wait = Too many tries. Please wait { $span } and try again.
password-too-short = Use at least 8 characters.
password-too-long = Use at most 128 characters.
password-too-common = This password is too easy to guess. Try a few unrelated words.

## Errors

error-status = Error { $status }
error-back = Back to the start page
error-bad-request = This request cannot be read
error-bad-request-advice = Go back, reload the page and try again.
error-signed-out = You are signed out
error-signed-out-advice = Sign in again to go on.
error-forbidden = You may not do this
error-forbidden-advice = Ask your administrator if you need this page.
error-cross-site = The request came from another site
error-cross-site-advice = Nothing was changed. Open the page from here and try again.
error-not-found = There is no such page
error-not-found-advice = It may have been moved or removed. Check the address.
error-timeout = This took too long
error-timeout-advice = Check the connection and try again.
error-conflict = This was changed meanwhile
error-conflict-advice = Reload the page to see the newest state, then try again.
error-too-large = This is too large
error-too-large-advice = Send a smaller file or less text.
error-unknown-host = This site is not known by that address
error-unknown-host-advice = Use the address your administrator gave you.
error-too-many = Too many tries
error-too-many-advice = Please wait a little and try again.
error-internal = Something went wrong here
error-internal-advice = Nothing you did. Try again; if it stays, tell your administrator the time.
error-busy = Very busy right now
error-busy-advice = Please try again in a moment.

## Dates and numbers

month-1 = Jan
month-2 = Feb
month-3 = Mar
month-4 = Apr
month-5 = May
month-6 = Jun
month-7 = Jul
month-8 = Aug
month-9 = Sep
month-10 = Oct
month-11 = Nov
month-12 = Dec
weekday-mon = Mon
weekday-tue = Tue
weekday-wed = Wed
weekday-thu = Thu
weekday-fri = Fri
weekday-sat = Sat
weekday-sun = Sun
weekday-full-mon = Monday
weekday-full-tue = Tuesday
weekday-full-wed = Wednesday
weekday-full-thu = Thursday
weekday-full-fri = Friday
weekday-full-sat = Saturday
weekday-full-sun = Sunday
date-short = { $weekday } { $day } { $month }
date-medium = { $day } { $month } { $year }
date-long = { $weekday }, { $day } { $month } { $year }
date-month = { $month } { $year }
date-time = { $date }, { $time }
number-percent = { $number }%
span-seconds = { $number } s
span-minutes = { $number } min
span-hours = { $number } h
span-days = { $number } d
ago-now = just now
ago = { $span } ago
