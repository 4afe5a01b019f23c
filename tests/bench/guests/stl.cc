// C++: strings in an ordered and an unordered map, and a sort, all of which allocate.
#include "bench.h"

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

static unsigned long work(long words)
{
    std::map<std::string, long> ordered;
    std::unordered_map<std::string, long> counts;
    uint64_t state = 3;
    for (long i = 0; i < words; i++) {
        std::string word = "word number " + std::to_string(next_random(&state) % 5000);
        ordered[word] += i;
        counts[word]++;
    }
    std::vector<std::string> sorted;
    for (auto &entry : counts)
        sorted.push_back(entry.first);
    std::sort(sorted.begin(), sorted.end());
    return ordered[sorted.front()] + counts.size();
}

int main(int count, char **values)
{
    keep_heap(16 << 20);
    work(1000); // brings in code and data
    return measure(work, argument(count, values, 1, 40000));
}
