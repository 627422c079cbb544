# কিটের লেখা: কাঠামো, উপাদান, ত্রুটি, সাইন-ইন, তারিখ ও সংখ্যা।

language-name = বাংলা

## কাঠামো

skip-to-content = মূল অংশে যান
nav-main = প্রধান
nav-more = আরও
nav-menu = মেনু
sign-out = সাইন-আউট
cancel = বাতিল
confirm = নিশ্চিত
confirm-title = নিশ্চিত করুন
live-on = সরাসরি
live-off = আবার যুক্ত হচ্ছে…
sync-state = এই সাইটের অবস্থা: { $state }

## উপাদান

table-sort = { $column } অনুযায়ী সাজান
pager = পাতা
pager-previous = আগের
pager-next = পরের
form-required = এটি পূরণ করুন।
form-required-mark = আবশ্যক
show-password = পাসওয়ার্ড দেখান

## দিনের অবস্থা

mark-present = উপস্থিত
mark-late = বিলম্ব
mark-left-early = আগে গেছেন
mark-half-day = অর্ধদিবস
mark-working = কাজে
mark-absent = অনুপস্থিত
mark-missing-punch = পাঞ্চ নেই
mark-provisional = অনিশ্চিত
mark-not-started = শুরু হয়নি
mark-not-in = এখনো আসেননি
mark-leave = ছুটি
mark-weekly-off = সাপ্তাহিক ছুটি
mark-holiday = পর্বের ছুটি
mark-on-duty = কর্তব্যে
mark-unscheduled = অনির্ধারিত

## সাইন-ইন

sign-in-title = সাইন-ইন
sign-in-name = ব্যবহারকারী নাম
sign-in-email = ইমেইল ঠিকানা
sign-in-password = পাসওয়ার্ড
sign-in-submit = সাইন-ইন
sign-in-ended = আপনার সেশন শেষ হয়েছে। চালিয়ে যেতে আবার সাইন-ইন করুন।
sign-in-forgotten = পাসওয়ার্ড ভুলে গেছেন?
sign-in-refused = নাম বা পাসওয়ার্ড ঠিক নয়।
sign-in-wait = অনেকবার চেষ্টা হয়েছে। { $span } অপেক্ষা করে আবার চেষ্টা করুন।
password-too-short = অন্তত ৮টি অক্ষর দিন।
password-too-long = সর্বোচ্চ ১২৮টি অক্ষর দিন।
password-too-common = এই পাসওয়ার্ড সহজে আন্দাজ করা যায়। সম্পর্কহীন কয়েকটি শব্দ দিন।

## ত্রুটি

error-status = ত্রুটি { $status }
error-back = শুরুর পাতায় ফিরুন
error-bad-request = এই অনুরোধ পড়া যায় না
error-bad-request-advice = ফিরে যান, পাতাটি আবার লোড করে চেষ্টা করুন।
error-signed-out = আপনি সাইন-আউট হয়েছেন
error-signed-out-advice = চালিয়ে যেতে আবার সাইন-ইন করুন।
error-forbidden = এটি আপনি করতে পারেন না
error-forbidden-advice = এই পাতা দরকার হলে প্রশাসককে বলুন।
error-cross-site = অনুরোধটি অন্য সাইট থেকে এসেছে
error-cross-site-advice = কিছুই বদলানো হয়নি। এখান থেকে পাতাটি খুলে আবার চেষ্টা করুন।
error-not-found = এমন কোনো পাতা নেই
error-not-found-advice = হয়তো সরানো বা মুছে ফেলা হয়েছে। ঠিকানা দেখুন।
error-timeout = বেশি সময় লেগেছে
error-timeout-advice = সংযোগ দেখে আবার চেষ্টা করুন।
error-conflict = এর মধ্যে এটি বদলে গেছে
error-conflict-advice = নতুন অবস্থা দেখতে পাতাটি আবার লোড করে চেষ্টা করুন।
error-too-large = এটি বেশি বড়
error-too-large-advice = ছোট ফাইল বা কম লেখা পাঠান।
error-unknown-host = এই ঠিকানায় সাইটটি পরিচিত নয়
error-unknown-host-advice = প্রশাসকের দেওয়া ঠিকানা ব্যবহার করুন।
error-too-many = অনেকবার চেষ্টা
error-too-many-advice = একটু অপেক্ষা করে আবার চেষ্টা করুন।
error-internal = এখানে কিছু ভুল হয়েছে
error-internal-advice = আপনার দোষ নয়। আবার চেষ্টা করুন; না হলে প্রশাসককে সময়টি জানান।
error-busy = এখন খুব ব্যস্ত
error-busy-advice = একটু পরে আবার চেষ্টা করুন।

## তারিখ ও সংখ্যা

month-1 = জানু
month-2 = ফেব্রু
month-3 = মার্চ
month-4 = এপ্রিল
month-5 = মে
month-6 = জুন
month-7 = জুলাই
month-8 = আগস্ট
month-9 = সেপ্টে
month-10 = অক্টো
month-11 = নভে
month-12 = ডিসে
weekday-mon = সোম
weekday-tue = মঙ্গল
weekday-wed = বুধ
weekday-thu = বৃহঃ
weekday-fri = শুক্র
weekday-sat = শনি
weekday-sun = রবি
weekday-full-mon = সোমবার
weekday-full-tue = মঙ্গলবার
weekday-full-wed = বুধবার
weekday-full-thu = বৃহস্পতিবার
weekday-full-fri = শুক্রবার
weekday-full-sat = শনিবার
weekday-full-sun = রবিবার
date-short = { $weekday } { $day } { $month }
date-medium = { $day } { $month } { $year }
date-long = { $weekday }, { $day } { $month } { $year }
date-month = { $month } { $year }
date-time = { $date }, { $time }
number-percent = { $number }%
span-seconds = { $number } সেকেন্ড
span-minutes = { $number } মিনিট
span-hours = { $number } ঘণ্টা
span-days = { $number } দিন
ago-now = এইমাত্র
ago = { $span } আগে
