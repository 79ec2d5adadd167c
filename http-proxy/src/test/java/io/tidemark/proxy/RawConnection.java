package io.tidemark.proxy;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** Sends and reads exact bytes, as a client or as an application. */
public final class RawConnection implements AutoCloseable {
  private static final int PATIENCE_MILLIS = 10_000;

  private final Socket socket;
  private final InputStream in;
  private final OutputStream out;

  /** What somebody has accepted. */
  RawConnection(Socket socket) throws IOException {
    this.socket = socket;
    socket.setSoTimeout(PATIENCE_MILLIS);
    socket.setTcpNoDelay(true);
    in = socket.getInputStream();
    out = socket.getOutputStream();
  }

  /** Connects to a port of this host. */
  public static RawConnection to(int port) throws IOException {
    Socket socket = new Socket();
    socket.setReceiveBufferSize(64 << 10);
    socket.connect(new InetSocketAddress("127.0.0.1", port));
    return new RawConnection(socket);
  }

  /** Latin-1. */
  public RawConnection send(String text) throws IOException {
    return send(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  RawConnection send(byte[] bytes) throws IOException {
    out.write(bytes);
    out.flush();
    return this;
  }

  /** So many bytes without keeping them. */
  void sendZeros(long count) throws IOException {
    byte[] zeros = new byte[64 << 10];
    for (long left = count; left > 0; left -= zeros.length) {
      out.write(zeros, 0, (int) Math.min(left, zeros.length));
    }
    out.flush();
  }

  /** One byte, or -1 at the end. */
  int read() throws IOException {
    return in.read();
  }

  /** A line without its end; null at the end of input. */
  String line() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    int b = in.read();
    while (b >= 0 && b != '\n') {
      line.write(b);
      b = in.read();
    }
    String text = line.toString(StandardCharsets.ISO_8859_1);
    return b < 0 && text.isEmpty()
        ? null
        : text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
  }

  /** The head of a message with its empty line; "" at the end of input. */
  public String head() throws IOException {
    StringBuilder head = new StringBuilder();
    String line = line();
    while (line != null) {
      head.append(line).append("\r\n");
      if (line.isEmpty() && head.length() > 2) {
        break;
      }
      line = line();
    }
    return head.toString();
  }

  /** The value of a header in a head, or null. */
  public static String header(String head, String name) {
    for (String line : head.split("\r\n")) {
      if (line.toLowerCase(Locale.ROOT).startsWith(name.toLowerCase(Locale.ROOT) + ":")) {
        return line.substring(name.length() + 1).strip();
      }
    }
    return null;
  }

  /** The next message: head and body, a chunked one with its chunks joined. */
  public String message() throws IOException {
    String head = head();
    return head + body(head);
  }

  /** The body that follows this head, with its trailers if it has any. */
  String body(String head) throws IOException {
    if ("chunked".equalsIgnoreCase(header(head, "transfer-encoding"))) {
      StringBuilder body = new StringBuilder();
      while (true) {
        String size = line();
        int length = Integer.parseInt(size, 16);
        if (length == 0) {
          String trailer = line();
          while (trailer != null && !trailer.isEmpty()) {
            body.append("\r\n").append(trailer);
            trailer = line();
          }
          return body.toString();
        }
        body.append(bytes(length));
        line();
      }
    }
    String length = header(head, "content-length");
    return length == null ? "" : bytes(Integer.parseInt(length));
  }

  String bytes(int count) throws IOException {
    byte[] bytes = in.readNBytes(count);
    if (bytes.length < count) {
      throw new EOFException("cut off after " + bytes.length + " of " + count + " bytes");
    }
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  /** Everything until the other side closes. */
  String rest() throws IOException {
    return new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
  }

  /** Whether nothing comes for so long. */
  boolean isSilent(int millis) throws IOException {
    socket.setSoTimeout(millis);
    try {
      in.read();
      return false;
    } catch (SocketTimeoutException e) {
      return true;
    } finally {
      socket.setSoTimeout(PATIENCE_MILLIS);
    }
  }

  /** Closes with a reset, as a program does that is killed. */
  void reset() throws IOException {
    socket.setSoLinger(true, 0);
    socket.close();
  }

  void endOutput() throws IOException {
    socket.shutdownOutput();
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
