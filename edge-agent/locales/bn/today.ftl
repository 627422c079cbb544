# একটি দিনের পাতা।

today-title = আজ
today-days = দিন
today-day-before = আগের দিন
today-day-after = পরের দিন
today-back = আজকে ফিরুন
today-figures = দিনের সংখ্যা
today-present = উপস্থিত
today-present-note = { $share } · ভেতরে { $inside } জন
today-late = বিলম্ব
today-late-note = উপস্থিতদের { $share }
today-absent = অনুপস্থিত
today-share-note = মোটের { $share }
today-open = অনিশ্চিত
today-open-note = শিফট ও ঘড়ি শেষ হলে জানা যাবে
today-open-none = সব দিন চূড়ান্ত
today-open-awaited = { $count } জন এখনো আসেননি
today-leave = ছুটিতে
today-leave-note = পূর্ণ দিন
today-off = বন্ধ
today-off-note = সাপ্তাহিক ছুটি ও পর্বের ছুটি
today-of = { $whole } জনে { $part } জন
today-people = কর্মী
today-filtered = { $what }: { $count }
today-none = কেউ নেই
today-none-text = এই দিনে এই তালিকায় কেউ নেই।
today-nobody = এখনও কোনো কর্মী নেই
today-nobody-text = কর্মীদের তালিকা আমদানি করুন, অথবা একজন একজন করে যোগ করুন। এর মধ্যে পাঞ্চ জমা হচ্ছে এবং প্রথম দিন থেকেই গণনা হবে।
today-silent = { $count ->
    [one] { $names } ঘড়িটি সাড়া দিচ্ছে না। সাড়া না দেওয়া পর্যন্ত যাঁরা আসেননি তাঁরা অনিশ্চিত থাকবেন; কাউকে অনুপস্থিত ধরা হবে না।
   *[other] এই ঘড়িগুলো সাড়া দিচ্ছে না: { $names }। সাড়া না দেওয়া পর্যন্ত যাঁরা আসেননি তাঁরা অনিশ্চিত থাকবেন; কাউকে অনুপস্থিত ধরা হবে না।
}
today-doubtful = { $count ->
    [one] এই কর্মীর একটি পাঞ্চের সময় নিয়ে সন্দেহ আছে:
   *[other] { $count } জন কর্মীর পাঞ্চের সময় নিয়ে সন্দেহ আছে:
}
today-doubtful-more = এবং আরও
today-silent-link = ঘড়িগুলো দেখুন

day-date = তারিখ
day-status = অবস্থা
day-shift = শিফট
day-in = প্রবেশ
day-out = প্রস্থান
day-worked = কাজ
day-late = বিলম্ব
day-overtime = ওভারটাইম
day-punches = পাঞ্চ

feed-title = এখনকার পাঞ্চ
feed-empty = এখনও কোনো পাঞ্চ নেই। পরেরটি কয়েক সেকেন্ডের মধ্যে এখানে দেখা যাবে।
feed-unknown = অচেনা কোড { $code }

departments-title = বিভাগ
legend-in-time = সময়মতো
legend-late = বিলম্ব
legend-absent = অনুপস্থিত
legend-open = অনিশ্চিত

steps-title = শুরু করুন
steps-done = হয়েছে
steps-clocks = একটি ঘড়ি যুক্ত করুন
steps-clocks-text = ঠিকানা দিয়ে যোগ করুন, অথবা যে ঘড়ি নিজে থেকে জানায় সেটি গ্রহণ করুন।
steps-clocks-go = ঘড়ি
steps-people = কর্মীদের আনুন
steps-people-text = স্প্রেডশিট থেকে তালিকা আমদানি করুন; কোড হলো ঘড়িতে কর্মীর নম্বর।
steps-people-go = আমদানি
steps-rules = কাজের সময় দেখে নিন
steps-rules-text = শিফট, সাপ্তাহিক ছুটি ও ছাড়ের সময় ঠিক করে কে বিলম্বিত বা অনুপস্থিত।
steps-rules-go = শিফট
steps-cloud = ক্লাউড যুক্ত করুন
steps-cloud-text = ঐচ্ছিক: কয়েকটি সাইট একসঙ্গে দেখায়। এটি ছাড়াও এখানে সব কাজ চলে।
steps-cloud-go = সিঙ্ক
