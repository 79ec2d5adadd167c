package io.tidemark.stream;

import io.netty.buffer.ByteBuf;
import io.tidemark.ltx.Txid;
import io.tidemark.stream.ProtocolException.Kind;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;

/** Takes the fields of one payload in order; none may reach over its end. */
final class PayloadReader {
  /** No byte of an LZ4 block stands for more bytes than this. */
  private static final int MAX_EXPANSION = 255;

  private static final LZ4SafeDecompressor LZ4 = LZ4Factory.fastestInstance().safeDecompressor();

  private final FrameType type;
  private final int flags;
  private final ByteBuf in;

  /**
   * @param in the payload, from reader to writer index; stays the caller's
   */
  PayloadReader(FrameType type, int flags, ByteBuf in) {
    this.type = type;
    this.flags = flags;
    this.in = in;
  }

  boolean flag(int bit) {
    return (flags & bit) != 0;
  }

  int u8(String field) {
    require(1, field);
    return in.readUnsignedByte();
  }

  int u16(String field) {
    require(2, field);
    return in.readUnsignedShort();
  }

  /** An unsigned number of 32 bits. */
  long u32(String field) {
    require(4, field);
    return in.readUnsignedInt();
  }

  /** The number of a database within this stream; the frame checks its range. */
  int id() {
    require(4, "database id");
    return in.readInt();
  }

  /** All 64 bits; the frame checks the range. */
  long u64(String field) {
    require(8, field);
    return in.readLong();
  }

  Id randomId(String field) {
    return new Id(u64(field));
  }

  Txid txid(String field) {
    return new Txid(u64(field));
  }

  Position position(String field) {
    require(24, field);
    return Position.of(in.readLong(), in.readLong(), in.readLong());
  }

  /**
   * A length of two bytes, then UTF-8.
   *
   * @param maxBytes checked before anything is read
   */
  String text(String field, int maxBytes) {
    int length = u16(field);
    type.check(length <= maxBytes, "length of " + field, length, "at most ", maxBytes);
    require(length, field);
    byte[] bytes = new byte[length];
    in.readBytes(bytes);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new ProtocolException(
          Kind.FIELD, type + ", " + field + ": found bytes that are not UTF-8", e);
    }
  }

  /** The rest of the payload, expanded if {@code lz4Bit} says that it is compressed. */
  ByteBuffer data(String field, int lz4Bit) {
    return flag(lz4Bit) ? expand(field) : rest();
  }

  /** The rest of the payload as it is. */
  ByteBuffer rest() {
    byte[] bytes = new byte[in.readableBytes()];
    in.readBytes(bytes);
    return ByteBuffer.wrap(bytes);
  }

  /** Bytes not yet taken. */
  int remaining() {
    return in.readableBytes();
  }

  private ByteBuffer expand(String field) {
    long length = u32("uncompressed length");
    int compressed = in.readableBytes();
    // Both bounds before the buffer is made: a small frame never claims a large one.
    if (length < 1
        || length > Protocol.MAX_DATA
        || length > (long) MAX_EXPANSION * compressed
        || compressed >= length) {
      throw new ProtocolException(
          Kind.LZ4,
          type
              + ", "
              + field
              + ": found "
              + compressed
              + " compressed bytes that claim to be "
              + length
              + ", expected fewer than they expand to, at most "
              + MAX_EXPANSION
              + " for each and "
              + Protocol.MAX_DATA
              + " in all");
    }
    byte[] source;
    int from;
    if (in.hasArray()) {
      source = in.array();
      from = in.arrayOffset() + in.readerIndex();
      in.skipBytes(compressed);
    } else {
      source = new byte[compressed];
      from = 0;
      in.readBytes(source);
    }
    byte[] expanded = new byte[(int) length];
    int got;
    try {
      got = LZ4.decompress(source, from, compressed, expanded, 0, expanded.length);
    } catch (LZ4Exception e) {
      throw new ProtocolException(
          Kind.LZ4,
          type
              + ", "
              + field
              + ": "
              + compressed
              + " compressed bytes cannot be expanded to "
              + length,
          e);
    }
    if (got != expanded.length) {
      throw new ProtocolException(
          Kind.LZ4,
          type + ", " + field + ": found " + got + " bytes after expansion, expected " + length);
    }
    return ByteBuffer.wrap(expanded);
  }

  void end() {
    if (in.isReadable()) {
      throw new ProtocolException(
          Kind.FIELD,
          type + ": found " + in.readableBytes() + " bytes after the last field, expected none");
    }
  }

  private void require(int bytes, String field) {
    if (in.readableBytes() < bytes) {
      throw new ProtocolException(
          Kind.FIELD,
          type
              + ", "
              + field
              + ": found "
              + in.readableBytes()
              + " bytes before the end of the payload, expected "
              + bytes);
    }
  }

  /**
   * A reason of {@link End} or {@link Refusal} by its number; the first, which stands for any
   * other, for one of a later version.
   */
  <T> T reason(T[] known) {
    int code = u16("reason");
    return known[code < known.length ? code : 0];
  }
}
