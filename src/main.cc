#include <cstring>
#include <span>

#include "cli/run.h"
#include "gateway/gateway.h"

int main(int argc, char** argv) {
  // Before anything else: the gateway starts on the way to the first packet, and needs nothing of the command line.
  if (argc == 2 && std::strcmp(argv[1], claudebox::gateway::kGatewayArgument) == 0)
    return claudebox::gateway::run();
  return claudebox::cli::run(std::span(argv, static_cast<std::size_t>(argc)).subspan(argc > 0 ? 1 : 0));
}
