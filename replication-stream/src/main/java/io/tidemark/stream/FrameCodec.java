package io.tidemark.stream;

import io.netty.buffer.ByteBuf;
import io.tidemark.stream.ProtocolException.Kind;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * Frames as bytes: length of the payload (4), type (1), flags (1), reserved (2), payload, CRC-32C
 * of all before (4).
 */
final class FrameCodec {
  private FrameCodec() {}

  /**
   * Appends a frame to {@code out}.
   *
   * @param compress try LZ4 on records and pages
   */
  static void encode(Frame frame, ByteBuf out, boolean compress) {
    FrameType type = frame.type();
    int start = out.writerIndex();
    out.writeZero(Protocol.HEADER);
    PayloadWriter writer = new PayloadWriter(out, compress);
    type.write(frame, writer);
    int length = out.writerIndex() - start - Protocol.HEADER;
    assert length >= type.minPayload() && length <= type.maxPayload() : frame;
    out.setInt(start, length);
    out.setByte(start + 4, type.code());
    out.setByte(start + 5, writer.flags());
    out.writeInt(crc(out, start, Protocol.HEADER + length));
  }

  /**
   * Takes one frame from {@code in} if all of it is there.
   *
   * @param phase what the other side may send; checked as soon as the header is there, before the
   *     payload is waited for
   * @return the frame, or null while bytes of it are missing; then nothing was taken
   * @throws ProtocolException when it is no frame that may come now
   */
  static Frame decode(ByteBuf in, StreamPhase phase) {
    if (in.readableBytes() < Protocol.HEADER) {
      return null;
    }
    int start = in.readerIndex();
    FrameType type = FrameType.of(in.getUnsignedByte(start + 4));
    phase.check(type);
    int flags = in.getUnsignedByte(start + 5);
    type.checkHeader(in.getUnsignedInt(start), flags, in.getUnsignedShort(start + 6));
    int length = in.getInt(start);
    if (in.readableBytes() < Protocol.HEADER + length + Protocol.TRAILER) {
      return null;
    }
    int found = in.getInt(start + Protocol.HEADER + length);
    int expected = crc(in, start, Protocol.HEADER + length);
    if (found != expected) {
      throw new ProtocolException(
          Kind.CRC, String.format("%s: found checksum %08x, expected %08x", type, found, expected));
    }
    Frame frame =
        type.read(new PayloadReader(type, flags, in.slice(start + Protocol.HEADER, length)));
    in.skipBytes(Protocol.HEADER + length + Protocol.TRAILER);
    return frame;
  }

  private static int crc(ByteBuf bytes, int start, int length) {
    CRC32C crc = new CRC32C();
    if (bytes.nioBufferCount() == 1) {
      crc.update(bytes.internalNioBuffer(start, length));
    } else {
      for (ByteBuffer part : bytes.nioBuffers(start, length)) {
        crc.update(part);
      }
    }
    return (int) crc.getValue();
  }
}
