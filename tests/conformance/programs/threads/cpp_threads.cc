/* C++: std::thread, mutex, condition_variable, future, atomic, exceptions across threads. */
#include <atomic>
#include <condition_variable>
#include <future>
#include <iostream>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>
int main()
{
    std::vector<std::thread> threads; std::mutex m; std::vector<int> seen; std::atomic<long> sum{0};
    for (int i = 0; i < 6; i++) threads.emplace_back([&, i] { sum += i; std::lock_guard<std::mutex> lock(m); seen.push_back(i); });
    for (auto &t : threads) t.join();
    std::cout << "threads " << seen.size() << " sum " << sum << std::endl;
    auto f = std::async(std::launch::async, [] { std::vector<int> v(1000); std::iota(v.begin(), v.end(), 1); return std::accumulate(v.begin(), v.end(), 0L); });
    std::cout << "async " << f.get() << std::endl;
    std::promise<int> p; auto got = p.get_future();
    std::thread thrower([&] { try { throw std::runtime_error("from a thread"); } catch (...) { p.set_exception(std::current_exception()); } });
    try { got.get(); } catch (const std::exception &e) { std::cout << "caught " << e.what() << std::endl; }
    thrower.join();
    std::condition_variable cv; bool ready = false;
    std::thread waiter([&] { std::unique_lock<std::mutex> lock(m); cv.wait(lock, [&] { return ready; }); std::cout << "woken" << std::endl; });
    { std::lock_guard<std::mutex> lock(m); ready = true; } cv.notify_all(); waiter.join();
    thread_local int own = 3; std::cout << own << std::endl;
    return 0;
}
