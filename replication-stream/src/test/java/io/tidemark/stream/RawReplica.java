package io.tidemark.stream;

import io.netty.buffer.Unpooled;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** A connection to a primary on which a test says each frame itself. */
final class RawReplica implements AutoCloseable {
  private final Socket socket;
  private final DataInputStream in;
  private StreamPhase phase = StreamPhase.PRIMARY_WELCOME;

  RawReplica(int port) throws IOException {
    socket = new Socket("127.0.0.1", port);
    socket.setSoTimeout(10_000);
    in = new DataInputStream(socket.getInputStream());
    socket
        .getOutputStream()
        .write(
            ("GET /stream HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tidemark/1\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII));
    StringBuilder answer = new StringBuilder();
    while (answer.indexOf("\r\n\r\n") < 0) {
      answer.append((char) in.readUnsignedByte());
    }
  }

  /** Greets the primary; returns its answer. */
  Welcome greet() throws IOException {
    send(new Hello(Id.NONE, new Id(31), new Id(32), new Id(33), 0, Id.NONE, 0, ""));
    return (Welcome) receive();
  }

  void send(Frame frame) throws IOException {
    socket.getOutputStream().write(SampleFrames.encode(frame));
  }

  Frame receive() throws IOException {
    byte[] header = in.readNBytes(Protocol.HEADER);
    int rest = ByteBuffer.wrap(header).getInt(0) + Protocol.TRAILER;
    Frame frame = FrameCodec.decode(Unpooled.wrappedBuffer(header, in.readNBytes(rest)), phase);
    phase = phase.after(frame);
    return frame;
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
