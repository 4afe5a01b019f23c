// C++: constructors before main, exceptions, streams, containers, destructors after main.
#include <algorithm>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

struct Noisy {
    Noisy() { std::cout << "constructed" << std::endl; }
    ~Noisy() { std::cout << "destroyed" << std::endl; }
} noisy;

int main()
{
    std::map<std::string, int> counts;
    for (const char *word : {"b", "a", "b"})
        counts[word]++;
    for (const auto &[word, count] : counts)
        std::cout << word << ' ' << count << '\n';
    try {
        std::vector<int>().at(3);
    } catch (const std::out_of_range &error) {
        std::cout << "caught " << typeid(error).name() << '\n';
    }
    std::string line;
    std::sort(line.begin(), line.end());
    return counts["b"];
}
