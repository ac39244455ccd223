# SPDX-License-Identifier: MIT
"""Requests as nobody should write them: too large, cut off, nested, random, with bad strings.

Each gets an error that says what is wrong, or a closed connection, and costs little memory.
"""
import os
import random
import struct

import processes
from engine import COMPLETED, EngineTest, jobs_pb2, main, until
from sp import (SERVICES, Client, Closed, RpcError, dial, envelope_pb2, frame, greeting, method_of,
                REQ)
from test_wire import read_to_end

MIB = 1 << 20
SEED = int(os.environ.get("JOBWIRE_SEED", "1"))


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, data):
    """A length-delimited field, whatever its bytes are."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def all_methods():
    for name, module in SERVICES.items():
        for method in module.DESCRIPTOR.services_by_name[name].methods:
            yield "%s.%s" % (name, method.name)


class Hostile(EngineTest):
    def setUp(self):
        super().setUp()
        self.client.info()

    def raw(self):
        """A connection that has shaken hands, as a socket."""
        sock = dial(self.engine.state, "engine.sock")
        sock.send(greeting(REQ))
        got = b""
        while len(got) < 8:
            got += sock.recv(8 - len(got))
        return sock

    def assertServes(self):
        client = Client(self.engine.state)
        client.info()
        client.close()

    def ask(self, method, payload, client=None, **envelope):
        """The response to a payload of any bytes."""
        client = client or self.client
        number = client.send_envelope(method=method_of(method)[0], payload=payload, **envelope)
        return client.response(number)

    def grown(self, before):
        return processes.memory_kib(self.engine.pid) - before


class Sizes(Hostile):
    def test_a_frame_beyond_the_socket_limit_closes_the_connection(self):
        before = processes.memory_kib(self.engine.pid)
        for size in (5 * MIB, 64 * MIB):
            with self.raw() as sock:
                try:
                    sock.sendall(frame(struct.pack(">I", 0x80000001) + bytes(size)))
                except (BrokenPipeError, ConnectionResetError):
                    pass
                self.assertEqual(read_to_end(sock), b"")
        self.assertServes()
        self.assertLess(self.grown(before), 32 * 1024)

    def test_claimed_lengths_are_not_believed(self):
        before = processes.memory_kib(self.engine.pid)
        for length in (1 << 23, 1 << 31, 1 << 32, 1 << 60, 1 << 63, (1 << 64) - 1):
            with self.raw() as sock:
                sock.send(b"\1" + struct.pack(">Q", length))
                self.assertEqual(read_to_end(sock), b"", length)
        self.assertServes()
        self.assertLess(self.grown(before), 32 * 1024)

    def test_another_kind_of_message_is_not_taken(self):
        for kind in (0, 2, 255):
            with self.raw() as sock:
                sock.send(bytes([kind]) + struct.pack(">Q", 4) + b"\x80\0\0\1")
                self.assertEqual(read_to_end(sock), b"")
        self.assertServes()

    def test_messages_without_a_request_id_are_not_taken(self):
        for body in (b"", b"\x80", b"\x80\0\0", b"\0\0\0\1", b"\0\0\0\1" * 20):
            with self.raw() as sock:
                sock.send(frame(body))
                # Dropped or hung up on; never answered.
                sock.settimeout(0.05)
                try:
                    self.assertEqual(sock.recv(100), b"")
                except (TimeoutError, ConnectionResetError):
                    pass
        self.assertServes()

    def test_a_request_over_a_megabyte_is_a_clear_error(self):
        for method in all_methods():
            if method == "Jobs.Start":
                continue
            response = self.ask(method, field(999, bytes(MIB)))
            self.assertEqual(response.code, envelope_pb2.INVALID_ARGUMENT, method)
            self.assertIn(str(MIB), response.message.replace(",", ""), method)
        self.assertEqual(self.ask("Engine.Info", field(999, bytes(MIB - 10))).code, 0)

    def test_a_start_of_nearly_four_megabytes_works(self):
        value = b"x" * (100 * 1024)
        env = [{"name": "V%d" % i, "value": value} for i in range(10)]
        command = b"printf %s \"$V9\" | wc -c; exit 0 #" + b"y" * (MIB - 100)
        labels = [{"key": "k%d" % i, "value": "v"} for i in range(5)]
        job = self.client.run_job(command, env=env, labels=labels)
        self.assertEqual((job.state, job.shell_code), (COMPLETED, 0), job.detail)
        self.assertEqual(self.client.output(job.id).strip(), b"102400")

    def test_a_command_over_a_megabyte_is_refused_by_name(self):
        error = self.assertCode("INVALID_ARGUMENT", self.client.start, b"#" * (MIB + 1))
        self.assertEqual(error.fields, ["command"])

    def test_a_frame_that_never_ends_costs_what_was_sent(self):
        before = processes.memory_kib(self.engine.pid)
        socks = [self.raw() for _ in range(50)]
        for sock in socks:
            sock.send(b"\1" + struct.pack(">Q", 4 * MIB - 1) + bytes(1000))
        self.assertServes()
        self.assertLess(self.grown(before), 32 * 1024)
        for sock in socks:
            sock.close()
        until(lambda: self.client.info().connections == 1, "they are forgotten")


class Structure(Hostile):
    def test_an_envelope_that_is_none_is_an_error(self):
        for body in (b"\xff", b"\x0a", b"\x12\x05ab", b"\x7a\xff\xff\xff\xff\x7f", b"\x0b" * 50,
                     b"\x08" + b"\xff" * 20):
            number = self.client.send_bytes(body)
            response = self.client.response(number)
            self.assertEqual(response.code, envelope_pb2.INVALID_ARGUMENT, body)
            self.assertNotEqual(response.message, "")

    def test_an_empty_envelope_has_an_unknown_method(self):
        response = self.client.response(self.client.send_bytes(b""))
        self.assertEqual(response.code, envelope_pb2.UNIMPLEMENTED)

    def test_unknown_methods_are_unimplemented_and_named(self):
        for method in ("Start", "/jobwire.v1.Jobs", "/jobwire.v1.Jobs/", "/jobwire.v1.Jobs/start",
                       "/jobwire.v1.Jobs/Fly", "/jobwire.v2.Jobs/Start", "jobwire.v1.Jobs/Start",
                       "/jobwire.v1.Jobs/Start/", "x" * 10000, "/jobwire.v1.Engine/Start"):
            response = self.client.response(self.client.send_envelope(method=method, id=9))
            self.assertEqual(response.code, envelope_pb2.UNIMPLEMENTED, method[:40])
            self.assertEqual(response.id, 9)
            self.assertIn(method[:20], response.message)

    def test_the_id_is_echoed_in_replies_and_errors(self):
        for ident in (0, 1, 1 << 32, (1 << 64) - 1):
            for method, code in (("Engine.Info", 0), ("Jobs.Get", 3)):
                number = self.client.send_envelope(id=ident, method=method_of(method)[0])
                response = self.client.response(number)
                self.assertEqual((response.id, response.code), (ident, code))

    def test_truncated_requests_are_errors(self):
        whole = jobs_pb2.StartRequest(
            argv=[b"/bin/true"], name="n", group="g", env=[{"name": "A", "value": b"b"}],
            grace_ms=1, limits=[{"name": "core", "soft": 1, "hard": 1}]).SerializeToString()
        refused = 0
        for size in range(len(whole)):
            response = self.ask("Jobs.Start", whole[:size])
            refused += response.code == envelope_pb2.INVALID_ARGUMENT
            self.assertIn(response.code, (0, envelope_pb2.INVALID_ARGUMENT), size)
        self.assertGreater(refused, len(whole) // 2)

    def test_nesting_as_deep_as_a_frame_is_survived(self):
        """protobuf-c has no limit of its own: what it unpacks must not be recursive."""
        deep = b""
        for _ in range(10000):
            deep = field(8, deep[:60000])
        groups = b"\x0b" * 500000
        before = processes.memory_kib(self.engine.pid)
        for payload in (deep, groups, field(999, groups)):
            for method in all_methods():
                if method != "Engine.Shutdown":
                    self.ask(method, payload)
        self.assertServes()
        self.assertLess(self.grown(before), 64 * 1024)

    def test_a_million_empty_entries_cost_bounded_memory(self):
        before = processes.memory_kib(self.engine.pid)
        for number, method in ((1, "Jobs.Start"), (8, "Jobs.Start"), (5, "Jobs.Start"),
                               (1, "Jobs.Wait"), (6, "Engine.WatchEvents")):
            response = self.ask(method, field(number, b"") * 500000)
            self.assertNotEqual(response.code, envelope_pb2.INTERNAL)
        self.assertServes()
        self.assertLess(self.grown(before), 100 * 1024)

    def test_unknown_fields_are_ignored(self):
        """A newer client may send more than this engine knows."""
        payload = (jobs_pb2.StartRequest(argv=[b"/bin/true"]).SerializeToString() +
                   field(900, b"x") + varint(901 << 3) + b"\x05")
        response = self.ask("Jobs.Start", payload)
        self.assertEqual(response.code, 0, response.message)

    def test_random_bytes_are_errors(self):
        rand = random.Random(SEED)
        for _ in range(500):
            self.client.response(self.client.send_bytes(rand.randbytes(rand.randrange(200))))
        self.assertServes()


class Mutations(Hostile):
    """Requests of every method, each a little wrong: answered, parked, or hung up on."""

    def samples(self, job_id):
        """(method, payload): nothing in them may do harm when it is executed after all."""
        yield "Jobs.Start", jobs_pb2.StartRequest(
            argv=[b"/bin/true"], name="a name", labels=[{"key": "k", "value": "v"}],
            env=[{"name": "A", "value": b"b"}], base_env=[{"name": "C", "value": b"d"}],
            cwd=b"/", timeout_ms=5000, grace_ms=100, linger_ms=100, umask=0o22,
            limits=[{"name": "core", "soft": 0, "hard": 0}], group="g", group_limit=1000,
            when_full=jobs_pb2.WHEN_FULL_REJECT)
        yield "Jobs.Get", jobs_pb2.GetRequest(job_id=job_id)
        yield "Jobs.List", jobs_pb2.ListRequest(
            states=[1, 2, 3], group="g", name="n", label={"key": "k", "value": "v"}, limit=3,
            page_token="5")
        yield "Jobs.Wait", jobs_pb2.WaitRequest(
            job_ids=[job_id], mode=1, pattern={"regex": "a(b|c)*d", "offset": 5}, wait_ms=1)
        yield "Jobs.ReadOutput", jobs_pb2.ReadOutputRequest(
            job_id=job_id, stream=1, offset=3, max_bytes=100, wait_ms=1, with_chunks=True)
        yield "Jobs.Tail", jobs_pb2.TailRequest(job_id=job_id, lines=5, max_bytes=100)
        yield "Jobs.SendInput", jobs_pb2.SendInputRequest(job_id=job_id, data=b"x", offset=0)
        yield "Jobs.Stop", jobs_pb2.StopRequest(job_id=job_id, grace_ms=5, wait_ms=5)
        yield "Jobs.Signal", jobs_pb2.SignalRequest(job_id=job_id, signal=15)
        yield "Jobs.Detach", jobs_pb2.DetachRequest(job_id=job_id, reason="r")
        yield "Jobs.Remove", jobs_pb2.RemoveRequest(job_id=job_id)
        engine = SERVICES["Engine"]
        yield "Engine.Info", engine.InfoRequest()
        yield "Engine.WatchEvents", engine.WatchEventsRequest(
            epoch=1, seq=2, filter={"job_ids": [job_id], "kinds": [1], "group": "g"}, wait_ms=1,
            limit=3)

    def mutate(self, rand, data):
        data = bytearray(data)
        for _ in range(rand.randrange(1, 4)):
            how = rand.randrange(5)
            at = rand.randrange(len(data) + 1)
            if how == 0 and at < len(data):
                data[at] ^= 1 << rand.randrange(8)
            elif how == 1 and at < len(data):
                data[at] = rand.choice((0, 1, 0x7F, 0x80, 0xFF))
            elif how == 2:
                del data[at:at + rand.randrange(1, 5)]
            elif how == 3:
                data[at:at] = data[at:at + rand.randrange(1, 20)]
            else:
                data[at:at] = rand.randbytes(rand.randrange(1, 5))
        return bytes(data)

    def test_ten_thousand_mutated_requests_harm_nothing(self):
        rand = random.Random(SEED)
        job = self.client.run_job("echo hi")
        samples = []
        for method, request in self.samples(job.id):
            path = method_of(method)[0]
            samples.append(envelope_pb2.Request(
                id=1, method=path, timeout_ms=1000, idempotency_key="",
                payload=request.SerializeToString()).SerializeToString())
        before = processes.memory_kib(self.engine.pid)
        codes = {}
        client = Client(self.engine.state)
        for _ in range(200):
            numbers = []
            for _ in range(50):
                body = self.mutate(rand, rand.choice(samples))
                numbers.append((client.send_bytes(body), body))
            for number, body in numbers:
                try:
                    code = client.response(number, 70).code
                except AssertionError as error:
                    raise AssertionError("seed %d: %r" % (SEED, body)) from error
                codes[code] = codes.get(code, 0) + 1
        client.close()
        self.assertGreater(codes[0], 100)
        self.assertGreater(codes[envelope_pb2.INVALID_ARGUMENT], 1000)
        self.assertNotIn(envelope_pb2.INTERNAL, codes)
        self.assertNotIn(envelope_pb2.UNKNOWN, codes)
        self.assertServes()
        self.assertLess(self.grown(before), 100 * 1024)

    def test_mutated_bytes_behind_the_handshake_harm_nothing(self):
        rand = random.Random(SEED)
        whole = frame(struct.pack(">I", 0x80000001) + envelope_pb2.Request(
            method="/jobwire.v1.Engine/Info").SerializeToString())
        for _ in range(500):
            with self.raw() as sock:
                try:
                    sock.send(self.mutate(rand, whole * 2))
                except (BrokenPipeError, ConnectionResetError):
                    pass
        self.assertServes()
        until(lambda: self.client.info().connections == 1, "they are forgotten")


class Strings(Hostile):
    """Every string field of every request, by its place in the descriptors."""

    BAD = (b"a\xffb", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"a\xe2\x82", b"a\0b")

    def string_fields(self, descriptor, path=()):
        """((number, name), ...) from the message down to each string."""
        for row in descriptor.fields:
            step = path + ((row.number, row.name),)
            if row.type == row.TYPE_STRING:
                yield step
            elif row.type == row.TYPE_MESSAGE:
                yield from self.string_fields(row.message_type, step)

    def test_strings_that_are_not_utf8_or_hold_nul_are_refused_by_name(self):
        looked_at = 0
        for method in all_methods():
            if method == "Engine.Shutdown":
                continue
            request = method_of(method)[1]
            for path in self.string_fields(request.DESCRIPTOR):
                for bad in self.BAD:
                    payload = bad
                    for number, _ in reversed(path):
                        payload = field(number, payload)
                    response = self.ask(method, payload)
                    where = (method, path[-1][1], bad)
                    self.assertEqual(response.code, envelope_pb2.INVALID_ARGUMENT, where)
                    self.assertEqual(len(response.details), 1, where)
                    self.assertIn(path[-1][1], response.details[0].field, where)
                    self.assertIn(path[-1][1], response.message, where)
                    looked_at += 1
        self.assertGreater(looked_at, 100)

    def test_the_envelopes_own_strings_are_looked_at_too(self):
        for number, name in ((2, "method"), (4, "token"), (5, "idempotency_key"), (6, "session")):
            for bad in self.BAD:
                response = self.client.response(self.client.send_bytes(
                    b"" if number == 2 else field(2, b"/jobwire.v1.Engine/Info") +
                    field(number, bad)) if number != 2 else
                    self.client.send_bytes(field(number, bad)))
                self.assertEqual(response.code, envelope_pb2.INVALID_ARGUMENT, (name, bad))
                self.assertIn(name, response.message)

    def test_keys_and_sessions_that_are_too_long_are_refused_by_name(self):
        for name, most in (("idempotency_key", 128), ("session", 64)):
            path = "/jobwire.v1.Engine/Info"
            good = self.client.send_envelope(method=path, **{name: "x" * most})
            self.assertEqual(self.client.response(good).code, 0)
            bad = self.client.response(
                self.client.send_envelope(method=path, **{name: "x" * (most + 1)}))
            self.assertEqual(bad.code, envelope_pb2.INVALID_ARGUMENT)
            self.assertEqual(bad.details[0].field, name)

    def test_unknown_numbers_of_enums_are_refused_by_name(self):
        job = self.client.start(["/bin/sleep", "1000"])
        rows = (
            ("Jobs.Start", {"argv": [b"/bin/true"]}, "stdin_mode"),
            ("Jobs.Start", {"argv": [b"/bin/true"]}, "cap_policy"),
            ("Jobs.Start", {"argv": [b"/bin/true"]}, "when_full"),
            ("Jobs.Start", {"argv": [b"/bin/true"]}, "lifetime"),
            ("Jobs.Wait", {"job_ids": [job.id]}, "mode"),
            ("Jobs.ReadOutput", {"job_id": job.id}, "stream"),
            ("Jobs.Tail", {"job_id": job.id}, "stream"),
            ("Jobs.Signal", {"job_id": job.id, "signal": 1}, "target"),
            ("Jobs.List", {}, "states"),
        )
        for method, fields, name in rows:
            for value in (99, -1):
                given = [value] if name == "states" else value
                error = self.assertCode("INVALID_ARGUMENT", self.client.call, method,
                                        **{**fields, name: given})
                self.assertEqual(error.fields, [name], method)


if __name__ == "__main__":
    main()
