# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks themselves: each finds what it is for, and nothing in what is right."""
import unittest

import check_examples
import check_files
import check_layers
import check_messages
import check_metrics
import check_sizes
import source_tree

HEAD = "// SPDX-License-Identifier: GPL-3.0-or-later\n"


class Layers(unittest.TestCase):
    def test_allowed(self):
        text = '#include <string>\n#include "media/frame.hpp"\n#include "base/bytes.hpp"\n'
        self.assertEqual(check_layers.check("actors/stream/x.cpp", text), [])
        self.assertEqual(check_layers.check("media/ffmpeg/x.cpp", "#include <libavcodec/avcodec.h>\n"), [])

    def test_arrows(self):
        for path, header in [("base/x.hpp", "media/frame.hpp"), ("media/x.cpp", "storage/store.hpp"),
                             ("runtime/x.cpp", "actors/stream/streams.hpp"),
                             ("net/x.cpp", "storage/store.hpp"), ("actors/x.cpp", "net/http/message.hpp")]:
            found = check_layers.check(path, f'#include <vector>\n#include "{header}"\n')
            self.assertEqual(len(found), 1, path)
            self.assertTrue(found[0].startswith(f"{path}:2:"))

    def test_confined(self):
        for path, header in [("actors/x.cpp", "libavformat/avformat.h"), ("net/rtmp/x.hpp", "boost/asio.hpp"),
                             ("net/ws/x.hpp", "boost/beast/core.hpp"), ("media/x.hpp", "caf/all.hpp"),
                             ("app/x.cpp", "grpcpp/grpcpp.h"), ("app/node.cpp", "app/admin/admin.pb.h"),
                             ("storage/x.hpp", "soci/soci.h"), ("net/x.cpp", "sqlite3.h")]:
            self.assertEqual(len(check_layers.check(path, f"#include <{header}>\n")), 1, header)

    def test_relative(self):
        self.assertEqual(len(check_layers.check("base/x.cpp", '#include "x.hpp"\n')), 1)


class Sizes(unittest.TestCase):
    def lines(self, count):
        return "  f();\n" * count

    def test_functions(self):
        text = ("namespace a {\nclass b : public c {\n public:\n  int d() const {\n" + self.lines(3) +
                "  }\n};\nvoid e(int x)\n{\n  if (x) {\n" + self.lines(2) + "  }\n}\n}\n"
                'const char* g = "{";\n')
        self.assertEqual([(name, length) for name, _, length in check_sizes.functions(text)],
                         [("d", 5), ("e", 7)])

    def test_limits(self):
        self.assertEqual(check_sizes.check("base/x.cpp", "void f() {\n" + self.lines(78) + "}\n"), [])
        found = check_sizes.check("base/x.cpp", "\nvoid f() {\n" + self.lines(79) + "}\n")
        self.assertEqual(found, ["base/x.cpp:2: f has 81 lines, the limit is 80"])
        self.assertEqual(len(check_sizes.check("web/x.ts", "\n" * 501)), 1)
        self.assertEqual(check_sizes.check("tests/x.ts", "\n" * 501), [])


class Files(unittest.TestCase):
    def test_right(self):
        self.assertEqual(check_files.check_source("a.cpp", HEAD + "// TODO(issue-7): more\n"), [])

    def test_wrong(self):
        for text in ["int x;\n", HEAD + "// TODO: more\n", HEAD + "// FIXME\n", HEAD + "#define MAX 1\n"]:
            self.assertEqual(len(check_files.check_source("a.cpp", text)), 1, text)
        self.assertEqual(len(check_files.check_source("a.hpp", HEAD)), 1)

    def test_locks(self):
        self.assertEqual(check_files.check_lock("l", '"resolved": "https://r.example/x.tgz"\n'),
                         ["l:1: names a registry (npm: omit-lockfile-registry-resolved)"])
        self.assertEqual(check_files.check_lock("l", '"integrity": "sha512-x"\n'), [])


class Messages(unittest.TestCase):
    def message(self, name, version="static constexpr std::uint32_t version = 1;"):
        return f'static constexpr std::string_view type = "{name}";\n{version}\n'

    def test_all(self):
        right = self.message("poll.cast_vote")
        self.assertEqual(check_messages.check([("a", right)]), [])
        self.assertEqual(len(check_messages.check([("a", right), ("b", right)])), 1)
        self.assertEqual(len(check_messages.check([("a", self.message("Poll"))])), 1)
        self.assertEqual(len(check_messages.check([("a", self.message("poll.x", ""))])), 1)
        kind = 'static constexpr std::string_view kind = "poll";\n'
        self.assertEqual(len(check_messages.check([("a", kind), ("b", kind)])), 1)


class Metrics(unittest.TestCase):
    def test_both_ways(self):
        code = [("a.cpp", 'm.make_counter("troupe_x_total", "x")')]
        self.assertEqual(check_metrics.check(code, "| `troupe_x_total` | x |\n"), [])
        self.assertEqual(len(check_metrics.check(code, "")), 1)
        self.assertEqual(len(check_metrics.check([], "| `troupe_x_total` | x |\n")), 1)


class Examples(unittest.TestCase):
    def test_code_stands_where_it_says(self):
        text = "<!-- from: a.cpp -->\n```cpp\nint x;\n```\n"
        for source, count in [("int y;\nint x;\n", 0), ("int y;\n", 1), (None, 1)]:
            self.assertEqual(len(check_examples.check("d.md", text, lambda path: source)), count)


class SourceTree(unittest.TestCase):
    def test_inert_text_is_blanked(self):
        text = 'a("{" /* { */, \'{\', R"x({)x", 1\'000); // {\nb\n'
        bare = source_tree.without_inert(text)
        self.assertNotIn("{", bare)
        self.assertIn("1'000", bare)
        self.assertEqual(len(bare), len(text))


if __name__ == "__main__":
    unittest.main()
