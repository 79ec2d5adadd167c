package io.tidemark.database;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Says which transactions of which databases commit together (SQLite's super-journal: one COMMIT
 * over attached databases). Each of them carries this in its record; the group is committed when
 * the records of all members are durable. No member appends anything else before that, so recovery
 * needs to look only at records that are the last of their log.
 *
 * @param id random
 */
record GroupInfo(long id, List<Member> members) {
  /**
   * @param name database name
   * @param txid transaction of that database
   */
  record Member(String name, long txid) {}

  byte[] encode() {
    int size = 12;
    List<byte[]> names = new ArrayList<>();
    for (Member member : members) {
      byte[] name = member.name.getBytes(StandardCharsets.UTF_8);
      names.add(name);
      size += 12 + name.length;
    }
    ByteBuffer out = ByteBuffer.allocate(size);
    out.putLong(id).putInt(members.size());
    for (int i = 0; i < names.size(); i++) {
      out.putLong(members.get(i).txid).putInt(names.get(i).length).put(names.get(i));
    }
    return out.array();
  }

  /**
   * @throws CorruptLogException when the bytes make no sense
   */
  static GroupInfo decode(byte[] bytes) throws CorruptLogException {
    try {
      ByteBuffer in = ByteBuffer.wrap(bytes);
      long id = in.getLong();
      int count = in.getInt();
      List<Member> members = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        long txid = in.getLong();
        byte[] name = new byte[Math.min(in.getInt(), in.remaining())];
        in.get(name);
        members.add(new Member(new String(name, StandardCharsets.UTF_8), txid));
      }
      return new GroupInfo(id, members);
    } catch (java.nio.BufferUnderflowException | NegativeArraySizeException e) {
      throw new CorruptLogException("group information of a record is damaged: " + e);
    }
  }
}
