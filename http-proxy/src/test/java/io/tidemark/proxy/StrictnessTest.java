package io.tidemark.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.SocketException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What other software could read in another way is refused, and the connection closed. */
class StrictnessTest {
  private static final String SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

  @RegisterExtension final ProxyBed bed = new ProxyBed();

  private static Arguments of(String what, String request) {
    return Arguments.of(what, request);
  }

  private static String post(String headers, String body) {
    return "POST / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n" + body;
  }

  private static String get(String headers) {
    return "GET / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n";
  }

  static Stream<Arguments> attempts() {
    String chunked = "Transfer-Encoding: chunked\r\n";
    return Stream.of(
        of("length and chunked", post("Content-Length: 6\r\n" + chunked, "0\r\n\r\nX")),
        of("chunked and length", post(chunked + "Content-Length: 6\r\n", "0\r\n\r\nX")),
        of("two lengths", post("Content-Length: 0\r\nContent-Length: 41\r\n", SMUGGLED)),
        of("the same length twice", post("Content-Length: 1\r\nContent-Length: 1\r\n", "X")),
        of("a list of lengths", post("Content-Length: 1, 1\r\n", "X")),
        of("a signed length", post("Content-Length: +1\r\n", "X")),
        of("a negative length", post("Content-Length: -1\r\n", "X")),
        of("a length in hex", post("Content-Length: 0x1\r\n", "X")),
        of("a length with a space in it", post("Content-Length: 1 1\r\n", "X")),
        of("an empty length", post("Content-Length:\r\n", "X")),
        of("a length that is no number", post("Content-Length: one\r\n", "X")),
        of("a length beyond all", post("Content-Length: 99999999999999999999\r\n", "X")),
        of("a space before the colon", post("Content-Length : 41\r\n", SMUGGLED)),
        of("a tab before the colon", post("Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n")),
        of("a header without a colon", get("Content-Length 5\r\n")),
        of("a header without a name", get(": x\r\n")),
        of("a name with a space", get("X Y: 1\r\n")),
        of("a name with a control character", get("X\u0001Y: 1\r\n")),
        of("a name that is not ASCII", get("X\u00e4: 1\r\n")),
        of("a folded header", get("X: 1\r\n 2\r\n")),
        of("a folded transfer encoding", post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n")),
        of("a first header that is indented", get("").replace("Host", " Host")),
        of("a first header behind a tab", get("").replace("Host", "\tHost")),
        of("a line that ends with LF", get("X: 1\nY: 2\r\n")),
        of("a request line that ends with LF", get("").replaceFirst("\r\n", "\n")),
        of("a head that ends with LF", "GET / HTTP/1.1\r\nHost: a\r\n\n"),
        of("only LF", "GET / HTTP/1.1\nHost: a\n\n"),
        of("a CR in a value", get("X: 1\rContent-Length: 41\r\n")),
        of("a CR before the CRLF", get("X: 1\r\r\n")),
        of("a NUL in a value", get("X: 1\u0000\r\n")),
        of("a NUL in a name", get("X\u0000: 1\r\n")),
        of("a form feed in a value", get("X: 1\f2\r\n")),
        of("another encoding", post("Transfer-Encoding: gzip\r\n", "X")),
        of("an encoding before chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")),
        of("an encoding after chunked", post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n")),
        of("chunked twice", post(chunked + chunked, "0\r\n\r\n")),
        of("chunked, chunked", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n")),
        of("identity", post("Transfer-Encoding: identity\r\nContent-Length: 1\r\n", "X")),
        of("xchunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")),
        of("quoted chunked", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n")),
        of(
            "chunked behind a vertical tab",
            post("Transfer-Encoding: \u000bchunked\r\n", "0\r\n\r\n")),
        of("an empty encoding", post("Transfer-Encoding:\r\nContent-Length: 1\r\n", "X")),
        of("a length with an underscore", post("Content_Length: 41\r\n", SMUGGLED)),
        of("an encoding with an underscore", post("Transfer_Encoding: chunked\r\n", "0\r\n\r\n")),
        of("an address of a client with underscores", get("X_Forwarded_For: 1.2.3.4\r\n")),
        of("chunked in HTTP/1.0", post(chunked, "0\r\n\r\n").replace("HTTP/1.1", "HTTP/1.0")),
        of("no Host", "GET / HTTP/1.1\r\n\r\n"),
        of("two Hosts", get("Host: b\r\n")),
        of("the same Host twice", get("Host: a\r\n")),
        of("an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        of("a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        of("a Host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"),
        of("a list of Hosts", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"),
        of("a Host with a bad port", "GET / HTTP/1.1\r\nHost: a:1x\r\n\r\n"),
        of("another host in the address", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        of("a user in the address", "GET http://x@a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        of("another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        of("an address without a path", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
        of("an authority", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"),
        of("a star", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
        of("a fragment", "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n"),
        of("a backslash", "GET /\\x HTTP/1.1\r\nHost: a\r\n\r\n"),
        of("a space in the address", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
        of("a tab in the request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        of("two spaces in the request line", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
        of("a NUL in the address", "GET /\u0000 HTTP/1.1\r\nHost: a\r\n\r\n"),
        of("an address that is not ASCII", "GET /\u00e4 HTTP/1.1\r\nHost: a\r\n\r\n"),
        of("no version", "GET /\r\nHost: a\r\n\r\n"),
        of("a version in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n"),
        of("a version that is none", "GET / HTTP/1.1x\r\nHost: a\r\n\r\n"),
        of("a method that is none", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        of("CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"),
        of("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        of("TLS", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003\r\n\r\n"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("attempts")
  void whatIsNoStrictRequestIsAnsweredWith4xxAndNeverPassedOn(String what, String request)
      throws Exception {
    RawApplication application = bed.application(RawApplication.ECHO);
    ProxyServer proxy = bed.proxy(application);
    RawConnection client = bed.client(proxy);
    client.send(request + SMUGGLED);
    String head = client.head();
    assertThat(head).matches("(?s)HTTP/1\\.1 (4\\d\\d|505) .*");
    assertThat(client.body(head)).contains("\"error\"").contains("\"hint\"");
    assertThat(restOf(client)).as("after the refusal").isEmpty();
    assertThat(application.requests).as("requests that were passed on").hasValue(0);
  }

  private static String restOf(RawConnection client) throws IOException {
    try {
      return client.rest();
    } catch (SocketException e) {
      return ""; // reset, which is as closed as can be
    }
  }

  static Stream<Arguments> chunks() {
    return Stream.of(
        of("no size", "\r\nX\r\n0\r\n\r\n"),
        of("a size that is no number", "x\r\nX\r\n0\r\n\r\n"),
        of("a prefix", "0x1\r\nX\r\n0\r\n\r\n"),
        of("a sign", "+1\r\nX\r\n0\r\n\r\n"),
        of("a negative size", "-1\r\nX\r\n0\r\n\r\n"),
        of("a space before the size", " 1\r\nX\r\n0\r\n\r\n"),
        of("something after the size", "1 1\r\nX\r\n0\r\n\r\n"),
        of("a size beyond an int", "100000001\r\nX\r\n0\r\n\r\n"),
        of("a size beyond a long", "10000000000000001\r\nX\r\n0\r\n\r\n"),
        of("a size that ends with LF", "1\nX\r\n0\r\n\r\n"),
        of("an extension that ends with LF", "1;a\nX\r\n0\r\n\r\n"),
        of("data that end with LF", "1\r\nX\n0\r\n\r\n"),
        of("data that are too long", "1\r\nXY\r\n0\r\n\r\n"),
        of("data without an end", "1\r\nX0\r\n\r\n"),
        of("a CR in an extension", "1;a\rb\r\nX\r\n0\r\n\r\n"),
        of("a last chunk that ends with LF", "1\r\nX\r\n0\n\r\n"),
        of("a trailer without a colon", "1\r\nX\r\n0\r\nno colon\r\n\r\n"),
        of("a trailer with a space before the colon", "1\r\nX\r\n0\r\nX : 1\r\n\r\n"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("chunks")
  void aBodyWithBadChunksNeverArrivesWhole(String what, String body) throws Exception {
    RawApplication application = bed.application(RawApplication.ECHO);
    RawConnection client = bed.client(bed.proxy(application));
    client.send(post("Transfer-Encoding: chunked\r\n", body) + SMUGGLED);
    String head = client.head();
    assertThat(head).startsWith("HTTP/1.1 400 ");
    client.body(head);
    assertThat(restOf(client)).isEmpty();
    assertThat(application.connections()).as("what came at once was not passed on").isZero();
  }

  @Test
  void aChunkThatTurnsOutBadLaterEndsTheConnectionToTheApplication() throws Exception {
    RawApplication application = bed.application(null);
    RawConnection client = bed.client(bed.proxy(application));
    client.send(post("Transfer-Encoding: chunked\r\n", "1\r\nX\r\n"));
    RawConnection asked = application.next();
    asked.head();
    assertThat(asked.line() + asked.line()).isEqualTo("1X");
    client.send("zz\r\n");
    assertThat(asked.rest()).as("no last chunk").isEmpty();
    assertThat(client.head()).startsWith("HTTP/1.1 400 ");
  }

  @Test
  void harmlessOdditiesPass() throws Exception {
    RawConnection client = bed.client(bed.proxy(bed.application(RawApplication.ECHO)));
    client.send(
        "\r\n\r\nGET / HTTP/1.1\r\nHost:  a:80 \r\nX:\r\nY:\t1 \r\nContent-Length: 0\r\n\r\n");
    assertThat(client.message()).startsWith("HTTP/1.1 200").contains("Y: 1\r\n");
    client.send("OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n");
    assertThat(client.message()).contains("OPTIONS * HTTP/1.1");
    client.send("GET http://A.example:81/x?y=/ HTTP/1.1\r\nHost: a.Example:81\r\n\r\n");
    assertThat(client.message()).contains("GET /x?y=/ HTTP/1.1").contains("a.Example:81");
    client.send("GET http://a?y HTTP/1.1\r\nHost: a\r\n\r\n");
    assertThat(client.message()).contains("GET /?y HTTP/1.1");
    client.send(post("Transfer-Encoding: Chunked\r\n", "1;ext=\"1\"\r\nX\r\n000\r\n\r\n"));
    assertThat(client.message()).endsWith("X");
    client.send("GET /%00%0d%0a?a=%20'<>\"{}|^` HTTP/1.1\r\nHost: a\r\n\r\n");
    assertThat(client.message()).contains("GET /%00%0d%0a?a=%20'<>\"{}|^` HTTP/1.1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"414", "431", "431 many", "431 endless"})
  void whatIsTooLongIsRefusedWithItsOwnStatus(String which) throws Exception {
    RawApplication application = bed.application(RawApplication.ECHO);
    RawConnection client = bed.client(bed.proxy(application));
    String status = which.substring(0, 3);
    client.send(
        switch (which) {
          case "414" -> "GET /" + "x".repeat(5000) + " HTTP/1.1\r\nHost: a\r\n\r\n";
          case "431" -> get("X: " + "x".repeat(9000) + "\r\n");
          case "431 many" -> get("X: 1\r\n".repeat(200));
          default -> "GET / HTTP/1.1\r\nX: " + "x".repeat(9000);
        });
    assertThat(client.message()).startsWith("HTTP/1.1 " + status + " ").contains("hint");
    assertThat(application.requests).hasValue(0);
  }
}
