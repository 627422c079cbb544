# সিঙ্ক।

sync-title = সিঙ্ক
sync-alone = এই এজেন্ট একাই কাজ করছে।
sync-alone-advice = ঘড়ি, হাজিরা ও প্রতিবেদন ক্লাউড ছাড়াই চলে। কয়েকটি সাইট একসঙ্গে দেখতে ক্লাউড যুক্ত করুন।
sync-in-step = ক্লাউডের সঙ্গে হালনাগাদ।
sync-in-step-advice = এখানে যা হয়েছে সবই পৌঁছেছে।
sync-sending = ক্লাউডে পাঠানো হচ্ছে।
sync-sending-advice = বাকিটা নিজে থেকেই যাবে। সংযোগ কেটে গেলেও কিছু হারায় না।
sync-offline = এই মুহূর্তে ক্লাউডে পৌঁছানো যাচ্ছে না।
sync-offline-advice = এখানে কাজ আগের মতোই চলে। ইন্টারনেট ফিরলে অপেক্ষায় থাকা সব নিজে থেকেই যাবে।
sync-retired = ক্লাউড এই এজেন্টকে অবসরে পাঠিয়েছে।
sync-retired-advice = পাঞ্চ জমা চলতে থাকে, কিন্তু কিছু পাঠানো হয় না। কোম্পানির প্রশাসককে জিজ্ঞাসা করুন।
sync-said = শেষ উত্তর: { $text }
sync-state-title = সংযোগ
sync-cloud = ক্লাউড
sync-last = শেষ আদান-প্রদান
sync-never = কখনও না
sync-at = { $ago } ({ $at })
sync-waiting = পাঠানোর অপেক্ষায়
sync-oldest = সবচেয়ে পুরোনো
sync-ledger = পৌঁছানো পাঞ্চ
sync-records = পৌঁছানো পরিবর্তন
sync-progress = { $all }-এর মধ্যে { $done }
sync-counts = পাশাপাশি গণনা
sync-counts-empty = ঘড়ি যুক্ত হলে এর সংখ্যা এখানে এই এজেন্টের সংখ্যার পাশে থাকবে।
sync-clock = ঘড়ির লগে
sync-edge = খাতায়
