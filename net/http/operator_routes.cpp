// SPDX-License-Identifier: GPL-3.0-or-later
// What operators, their probes and their tools ask for: life, readiness, metrics, the description
// of the API.
#include <boost/json/value.hpp>

#include "base/bytes.hpp"
#include "net/http/openapi.hpp"
#include "net/http/reply.hpp"
#include "net/http/services.hpp"

namespace troupe::http {
namespace {

void show_readiness(const services& s, call c) {
  const auto why_not = s.parts.why_not_ready ? s.parts.why_not_ready() : std::nullopt;
  c.answer(why_not ? error_response(make_error(errc::unavailable, "not_ready", *why_not))
                   : json_response(200, {{"status", "ready"}}));
}

response show_openapi(const shared_bytes& document) {
  return {
      .status = 200,
      .headers = {{"Content-Type", "application/json"}, {"Cache-Control", "public, max-age=300"}},
      .body = {document}};
}

}  // namespace

void add_operator_routes(router& table, const shared_services& s) {
  const shared_bytes document(bytes(openapi_json.begin(), openapi_json.end()));
  table.add({"GET", "/api/v1/openapi.json", access::everyone,
             [document](call c) { c.answer(show_openapi(document)); }});
  table.add({"GET", "/healthz", access::everyone,
             [](call c) { c.answer(json_response(200, {{"status", "ok"}})); }});
  table.add(
      {"GET", "/readyz", access::everyone, [s](call c) { show_readiness(*s, std::move(c)); }});
  table.add({"GET", "/metrics", access::operators, [s](call c) {
               c.answer(text_response(200, "text/plain; version=0.0.4; charset=utf-8",
                                      s->parts.metrics.text()));
             }});
}

}  // namespace troupe::http
