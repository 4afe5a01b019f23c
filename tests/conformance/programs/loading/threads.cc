// C++: std::thread, mutex, condition variable, future, atomics.
#include <atomic>
#include <condition_variable>
#include <future>
#include <iostream>
#include <mutex>
#include <queue>
#include <thread>
#include <vector>

int main()
{
    std::mutex mutex;
    std::condition_variable changed;
    std::queue<int> jobs;
    std::atomic<long> sum{0};
    bool closed = false;
    std::vector<std::thread> workers;
    for (int i = 0; i < 3; i++)
        workers.emplace_back([&] {
            for (;;) {
                std::unique_lock lock(mutex);
                changed.wait(lock, [&] { return closed || !jobs.empty(); });
                if (jobs.empty())
                    return;
                int job = jobs.front();
                jobs.pop();
                lock.unlock();
                sum += job * job;
            }
        });
    for (int i = 1; i <= 100; i++) {
        std::lock_guard lock(mutex);
        jobs.push(i);
        changed.notify_one();
    }
    {
        std::lock_guard lock(mutex);
        closed = true;
    }
    changed.notify_all();
    for (auto &worker : workers)
        worker.join();
    auto answer = std::async(std::launch::async, [] { return 42; });
    std::cout << sum << ' ' << answer.get() << std::endl;
    try {
        std::async(std::launch::async, [] { throw std::string("thrown elsewhere"); }).get();
    } catch (const std::string &text) {
        std::cout << text << std::endl;
    }
    return 0;
}
