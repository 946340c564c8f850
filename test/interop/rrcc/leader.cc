// A leader of RRCC in C++, from the schema alone: speaks over standard input and output, or connects to a port of TCP.
//
//   leader stdio | leader PORT
//
// Has `double` executed in three rounds, beginning with the byte 5; the second message goes out twice, as if its Confirm had been lost. Then
// stops, calls `fail`, and tells what it saw on standard error. Leaves with 0 when everything was as it must be.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "rrcc.pb.h"

namespace {

int in_fd = STDIN_FILENO;
int out_fd = STDOUT_FILENO;

void Fail(const std::string& what) {
  std::cerr << "leader: " << what << "\n";
  std::exit(1);
}

void WriteAll(const std::string& data) {
  for (size_t done = 0; done < data.size();) {
    const ssize_t count = write(out_fd, data.data() + done, data.size() - done);
    if (count <= 0) Fail("the follower reads no more");
    done += static_cast<size_t>(count);
  }
}

std::string ReadAll(size_t size) {
  std::string data(size, '\0');
  for (size_t done = 0; done < size;) {
    const ssize_t count = read(in_fd, &data[done], size - done);
    if (count <= 0) Fail("the follower ended");
    done += static_cast<size_t>(count);
  }
  return data;
}

rrcc::v1::Envelope Next(uint64_t exchange, uint64_t message, uint32_t attempt) {
  rrcc::v1::Envelope envelope;
  envelope.set_version(1);
  envelope.set_exchange_id(exchange);
  envelope.set_message_id(message);
  envelope.set_attempt(attempt);
  envelope.set_round(static_cast<uint32_t>(message));
  return envelope;
}

void Send(const rrcc::v1::Envelope& envelope) {
  const std::string data = envelope.SerializeAsString();
  const uint32_t length = htonl(static_cast<uint32_t>(data.size()));
  WriteAll(std::string(reinterpret_cast<const char*>(&length), 4) + data);
}

rrcc::v1::Envelope Receive() {
  uint32_t length = 0;
  ReadAll(4).copy(reinterpret_cast<char*>(&length), 4);
  length = ntohl(length);
  if (length < 1 || length > 1048576) Fail("a length of " + std::to_string(length));
  rrcc::v1::Envelope envelope;
  if (!envelope.ParseFromString(ReadAll(length))) Fail("bytes that are no Envelope");
  return envelope;
}

void ExpectConfirm(uint64_t message, uint32_t attempt, rrcc::v1::ConfirmState state) {
  const auto heard = Receive();
  if (!heard.has_confirm() || heard.confirm().confirms() != message || heard.attempt() != attempt ||
      heard.confirm().state() != state) {
    Fail("not the Confirm of message " + std::to_string(message) + ": " + heard.ShortDebugString());
  }
}

std::string ExpectResponse(uint64_t message, rrcc::v1::Status status) {
  const auto heard = Receive();
  if (!heard.has_response() || heard.response().in_reply_to() != message || heard.response().status() != status) {
    Fail("not the Response to message " + std::to_string(message) + ": " + heard.ShortDebugString());
  }
  return status == rrcc::v1::OK ? heard.response().result() : heard.response().error();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) Fail("how?");
  if (std::string(argv[1]) != "stdio") {
    in_fd = out_fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(std::atoi(argv[1])));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(in_fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) Fail("nobody listens");
  }
  const uint64_t exchange = 18446744073709551615u;
  auto request = Next(exchange, 1, 1);
  request.mutable_request()->set_method("double");
  request.mutable_request()->set_params(std::string(1, 5));
  Send(request);
  ExpectConfirm(1, 1, rrcc::v1::ACCEPTED);
  std::string result = ExpectResponse(1, rrcc::v1::OK);
  for (uint64_t message = 2; message <= 3; message++) {
    auto next = Next(exchange, message, 1);
    next.mutable_confirm_continue()->set_continue_(true);
    next.mutable_confirm_continue()->set_params(result);
    Send(next);
    ExpectConfirm(message, 1, rrcc::v1::ACCEPTED);
    result = ExpectResponse(message, rrcc::v1::OK);
    next.set_attempt(2);
    Send(next);
    ExpectConfirm(message, 2, rrcc::v1::DONE);
    if (ExpectResponse(message, rrcc::v1::OK) != result) Fail("another Response for a copy");
  }
  auto stop = Next(exchange, 4, 1);
  stop.mutable_confirm_continue();
  Send(stop);
  auto failing = Next(7, 1, 1);
  failing.mutable_request()->set_method("fail");
  Send(failing);
  ExpectConfirm(1, 1, rrcc::v1::ACCEPTED);
  std::cerr << "result " << static_cast<int>(static_cast<unsigned char>(result[0])) << ", error "
            << ExpectResponse(1, rrcc::v1::FAILED) << "\n";
  return 0;
}
