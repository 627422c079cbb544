# ঘড়ি।

clock = ঘড়ি
clocks-title = ঘড়ি
clocks-empty = এখনও কোনো ঘড়ি নেই
clocks-empty-text = প্রথম ঘড়িটি ঠিকানা দিয়ে যোগ করুন। যে ঘড়ি নিজে থেকে জানায়, তার সার্ভার ঠিকানা এই যন্ত্রে দিলেই সেটি এখানে দেখা যাবে।
clocks-retired = { $count ->
    [one] { $count }টি অবসরপ্রাপ্ত ঘড়ি
   *[other] { $count }টি অবসরপ্রাপ্ত ঘড়ি
}
clock-add = ঘড়ি যোগ করুন
clock-add-title = ঘড়ি যোগ করুন
clock-add-lead = যে ঘড়ি নেটওয়ার্কে পড়া হয় তার জন্য (ZKTeco, পোর্ট 4370)।
clock-added = { $name } যোগ হয়েছে। এর লগ এখন পড়া হচ্ছে।
clock-adopted = { $name } গ্রহণ করা হয়েছে। এটি নিজেই লগ পাঠায়।
clock-dismissed = { $serial } সরানো হয়েছে। আবার জানালে ফিরে আসবে।
clock-saved = { $name } সংরক্ষিত হয়েছে।
clock-retired = { $name } অবসরে গেছে। এর পাঞ্চগুলো থাকবে।
clock-exists = এই ঘড়িটি আগেই যোগ করা আছে।
clock-read-now = লগ পড়ুন
clock-reading = { $name }-এর লগ পড়া হচ্ছে। নতুন যা আছে এখানে দেখা যাবে।
clock-back = সব ঘড়ি
clock-edit-title = ঘড়ির সেটিংস
clock-facts = ঘড়িটি
clock-counters = গণনা
clock-name = নাম
clock-name-hint = কোথায় ঝোলানো, যেমন “গেট ২”।
clock-serial = সিরিয়াল নম্বর
clock-model = মডেল
clock-model-unknown = অজানা মডেল
clock-firmware = ফার্মওয়্যার
clock-records = লগে সারি
clock-users = ব্যবহারকারী
clock-address = ঠিকানা
clock-address-hint = যেমন 192.168.1.201, অথবা পোর্টসহ: 192.168.1.201:4370।
clock-address-bad = 192.168.1.201-এর মতো ঠিকানা বা হোস্ট নাম দিন।
clock-key = যোগাযোগ কী
clock-key-hint = ঘড়ির মেনুতে সেট করা না থাকলে খালি রাখুন।
clock-key-bad = কী হলো সর্বোচ্চ ৯ অঙ্কের সংখ্যা।
clock-key-new = নতুন যোগাযোগ কী
clock-key-new-hint = আগেরটি রাখতে খালি রাখুন।
clock-direction = প্রবেশ/প্রস্থান বোতাম
clock-direction-hint = বেশিরভাগ কারখানা এগুলো ধরে না: যা দেখা যায় মানুষ তা-ই চাপে।
clock-set-time = এর সময় ঠিক রাখুন
clock-test = পরীক্ষা
clock-state = অবস্থা
clock-state-online = অনলাইন
clock-state-offline = অফলাইন
clock-state-unknown = এখনও চেষ্টা হয়নি
clock-state-pending = অপেক্ষায়
clock-state-retired = অবসরপ্রাপ্ত
clock-state-wrong-clock = অন্য ঘড়ি
clock-state-wrong-key = ভুল কী
clock-seen = শেষ দেখা
clock-never = কখনও না
clock-drift = এর সময়
clock-drift-none = ঠিক
clock-drift-ahead = { $span } এগিয়ে
clock-drift-behind = { $span } পিছিয়ে
clock-log = লগ মেমোরি
clock-fill = { $capacity }-এর মধ্যে { $count }
clock-read = লগ শেষ পড়া
clock-through = সম্পূর্ণ এই পর্যন্ত
clock-way = সংযোগ
clock-punches = সর্বশেষ পাঞ্চ
clock-punches-none = গত ৩১ দিনে কোনো পাঞ্চ নেই।
clock-said = { $at }: { $text }
clock-retire = অবসরে পাঠান
clock-retire-sure = { $name } অবসরে পাঠাবেন? আর পড়া হবে না; এর পাঞ্চগুলো থাকবে।

clock-advice-offline = ঘড়িটি সাড়া দিচ্ছে না। বিদ্যুৎ ও নেটওয়ার্ক তার দেখুন, এবং ঠিকানা বদলেছে কি না। পাঞ্চ ঘড়িতেই থাকে; আবার সাড়া দিলেই পড়া হবে।
clock-advice-silent = ঘড়িটি কিছুক্ষণ জানাচ্ছে না। বিদ্যুৎ, নেটওয়ার্ক তার ও মেনুতে সার্ভার ঠিকানা দেখুন। পাঞ্চ ঘড়িতেই থাকে, পরে পাঠাবে।
clock-advice-wrong-clock = এই ঠিকানায় অন্য একটি ঘড়ি সাড়া দিচ্ছে। এই ঘড়ির এখনকার ঠিকানা জেনে সেটিংসে ঠিক করুন।
clock-advice-wrong-key = ঘড়িটি যোগাযোগ কী মানছে না। ঘড়ির মেনুতে (Comm. → PC connection) দেখে সেটিংসে দিন।

clock-probe-address = এই ঠিকানা ব্যবহার করা যায় না। বানান দেখুন।
clock-probe-silent = এই ঠিকানায় কেউ সাড়া দেয় না। ঘড়িটি কি চালু, এই নেটওয়ার্কে, এবং অন্য প্রোগ্রামের ব্যবহারে নেই?
clock-probe-no-clock = এই ঠিকানায় কিছু সাড়া দেয়, কিন্তু সেটি চেনা ঘড়ি নয়।
clock-probe-no-serial = ঘড়িটি সিরিয়াল নম্বর জানায় না, তাই এর পাঞ্চ আলাদা করা যাবে না।
clock-probe-key-needed = ঘড়িটি যোগাযোগ কী চায়। এটি ঘড়ির মেনুতে আছে (Comm. → PC connection)।
clock-probe-key-wrong = ঘড়িটি এই কী মানছে না। কিছু ঘড়ি কয়েকবার ভুলের পর বন্ধ হয়ে যায়, তাই আগে দেখে নিন।
probe-found = একটি ঘড়ি সাড়া দিয়েছে।

transport-tcp = নেটওয়ার্কে পড়া হয়
transport-udp = নেটওয়ার্কে পড়া হয় (UDP)
transport-push = নিজেই জানায়
transport-file = ফাইল আমদানি হয়
direction-ignore = না ধরে সময় দিয়ে জোড়া
direction-trust = বিশ্বাস করুন
direction-in = এখানে সবাই ঢোকে
direction-out = এখানে সবাই বের হয়

count-read = পড়া সারি
count-read-note = ঘড়ি যত সারি দিয়েছে
count-new = নতুন পাঞ্চ
count-new-note = খাতায়, প্রতিটি একবার
count-repeat = পুনরাবৃত্তি
count-repeat-note = আগেই জানা
count-bad = আলাদা রাখা
count-bad-note = পাঞ্চ হতে পারে না
count-explained = পড়া সারি = নতুন পাঞ্চ + পুনরাবৃত্তি + আলাদা রাখা। ঘড়ি যা দেয় তার কিছুই হারায় না বা দুবার গোনা হয় না।

bad-title = আলাদা রাখা সারি
bad-none = এই ঘড়ির প্রতিটি সারি পড়া গেছে।
bad-reason = কেন
bad-at = প্রথম আসে
bad-raw = বাইট
bad-older = পুরোনো সারি
bad-impossible-date = অসম্ভব তারিখ
bad-implausible-date = অনেক দূরের তারিখ
bad-user = বৈধ ব্যবহারকারী নয়
bad-doubtful = সন্দেহজনক সারি
bad-malformed = সারি নয়

pending-title = আপনার অপেক্ষায় থাকা ঘড়ি
pending-lead = এগুলো এই যন্ত্রে জানায়। গ্রহণ করার আগে কিছুই নেওয়া হয় না।
pending-look = দেখে গ্রহণ করুন
adopt-title = ঘড়ি গ্রহণ
adopt-lead = এই ঘড়িটি এই যন্ত্রে জানাচ্ছে। আপনাদের হলে গ্রহণ করুন।
adopt-go = গ্রহণ করুন
adopt-dismiss = আমাদের নয়
adopt-dismiss-sure = ঘড়িটি সরাবেন? কিছুই নেওয়া হয়নি; আবার জানালে ফিরে আসবে।
adopt-facts = নিজের সম্পর্কে যা জানায়
adopt-first-seen = প্রথম দেখা
adopt-rows = এর কয়েকটি সারি
adopt-rows-none = এখনও কোনো সারি পাঠায়নি।
adopt-rows-note = চেনার জন্য দেখানো। গ্রহণ না করা পর্যন্ত ঘড়িতেই থাকে।

push-title = যে ঘড়ি নিজেই জানায়
push-text = নতুন ঘড়ির (ADMS, “cloud server”) জন্য এখানে ঠিকানা লাগে না:
push-step-1 = ঘড়ির মেনুতে Comm. → Cloud server settings খুলুন।
push-step-2 = সার্ভার ঠিকানা এই যন্ত্র এবং পোর্ট 8471 দিন।
push-step-3 = এক মিনিটের মধ্যে ঘড়িটি “ঘড়ি” পাতায় দেখা যাবে। সেখানে গ্রহণ করুন।
