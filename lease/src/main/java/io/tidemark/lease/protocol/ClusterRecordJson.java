package io.tidemark.lease.protocol;

import io.tidemark.lease.protocol.ClusterRecord.Primary;
import io.tidemark.lease.protocol.ClusterRecord.Successor;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The text of a cluster record, JSON on one line; {@code docs/PROTOCOL.md} lists the fields. A
 * reader takes exactly what a writer of the same format version makes: who cannot understand all of
 * a record must not decide by it.
 *
 * <p>No JSON library: the record is the only JSON of this package, a library would be the largest
 * dependency of the module, and none refuses repeated keys and odd numbers unless told to.
 */
public final class ClusterRecordJson {
  /** Version of the format that this program reads and writes. */
  public static final int FORMAT = 1;

  /**
   * The longest text, in bytes of UTF-8: Kubernetes keeps it in an annotation, of which an object
   * has at most 256 KiB.
   */
  public static final int MAX_BYTES = 192 * 1024;

  /** What is left for least positions when everything else is as large as it can be. */
  private static final int MAX_LEAST_BYTES = 160 * 1024;

  private ClusterRecordJson() {}

  /** The text of a record. */
  public static String write(ClusterRecord record) {
    StringBuilder out = new StringBuilder(512);
    out.append("{\"format\":").append(FORMAT);
    number(out, "version", record.version());
    id(out, "cluster", record.clusterId());
    number(out, "epoch", record.epoch());
    Primary primary = record.primary();
    out.append(",\"primary\":{");
    field(out, "node").append(quoted(primary.nodeId()));
    id(out, "nonce", primary.nonce());
    field(out.append(','), "url");
    JsonText.quote(out, primary.advertiseUrl());
    out.append("},\"members\":[");
    String separator = "";
    for (Member member : record.members()) {
      field(out.append(separator).append('{'), "node").append(quoted(member.nodeId()));
      id(out, "incarnation", member.incarnation());
      id(out, "token", member.token());
      out.append('}');
      separator = ",";
    }
    out.append("],\"commit\":\"").append(record.mode() == CommitMode.SYNC ? "sync" : "async");
    out.append('"');
    number(out, "min-in-sync", record.minInSync());
    out.append(",\"least\":{");
    separator = "";
    for (Map.Entry<String, LogPoint> entry : record.least().entrySet()) {
      out.append(separator);
      JsonText.quote(out, entry.getKey());
      out.append(":\"").append(entry.getValue()).append('"');
      separator = ",";
    }
    out.append('}');
    if (record.successor().isPresent()) {
      Successor successor = record.successor().get();
      out.append(",\"successor\":{");
      field(out, "node").append(quoted(successor.nodeId()));
      id(out, "incarnation", successor.incarnation());
      number(out, "expires-ms", successor.expiresMillis());
      out.append('}');
    }
    return out.append('}').toString();
  }

  private static StringBuilder field(StringBuilder out, String key) {
    return out.append('"').append(key).append("\":");
  }

  private static void number(StringBuilder out, String key, long value) {
    field(out.append(','), key).append(value);
  }

  private static void id(StringBuilder out, String key, long value) {
    field(out.append(','), key).append(quoted(value));
  }

  private static String quoted(long id) {
    return '"' + Ids.text(id) + '"';
  }

  /**
   * As many positions as fit into a record whatever else is in it: those with the latest
   * transactions, because a node that is behind is behind in these. A cluster has to have more than
   * a thousand databases before one is left out.
   */
  public static SortedMap<String, LogPoint> fitting(Map<String, LogPoint> positions) {
    List<Map.Entry<String, LogPoint>> latest = new ArrayList<>(positions.entrySet());
    latest.removeIf(entry -> entry.getValue().isNone());
    latest.sort(
        (a, b) -> {
          LogPoint left = a.getValue();
          LogPoint right = b.getValue();
          return left.isLaterThan(right)
              ? -1
              : right.isLaterThan(left) ? 1 : a.getKey().compareTo(b.getKey());
        });
    SortedMap<String, LogPoint> fitting = new TreeMap<>();
    int bytes = 0;
    for (Map.Entry<String, LogPoint> entry : latest) {
      StringBuilder name = new StringBuilder();
      JsonText.quote(name, entry.getKey());
      bytes += name.toString().getBytes(StandardCharsets.UTF_8).length;
      bytes += entry.getValue().toString().length() + 4;
      if (bytes > MAX_LEAST_BYTES) {
        break;
      }
      fitting.put(entry.getKey(), entry.getValue());
    }
    return fitting;
  }

  /**
   * Reads a record.
   *
   * @throws RecordFormatException for anything else; says what is wrong, and for a record of a
   *     later format names both versions
   */
  public static ClusterRecord read(String text) throws RecordFormatException {
    int bytes = text.length() > MAX_BYTES ? text.length() : utf8Length(text);
    if (bytes > MAX_BYTES) {
      throw new RecordFormatException(
          "the record has " + bytes + " bytes; at most " + MAX_BYTES + " are read");
    }
    Fields fields = new Fields("the record", JsonText.parse(text));
    long format = fields.number("format");
    if (format != FORMAT) {
      throw new RecordFormatException(
          "the cluster record has format "
              + format
              + " and this program reads format "
              + FORMAT
              + (format > FORMAT ? ": a node of a later version wrote it; upgrade this node" : ""));
    }
    try {
      ClusterRecord record =
          new ClusterRecord(
              fields.number("version"),
              fields.id("cluster"),
              fields.number("epoch"),
              primary(fields.object("primary")),
              members(fields.list("members")),
              mode(fields.string("commit")),
              (int) Math.min(fields.number("min-in-sync"), Integer.MAX_VALUE),
              least(fields.object("least")),
              fields.has("successor")
                  ? Optional.of(successor(fields.object("successor")))
                  : Optional.empty());
      fields.checkNoOther();
      return record;
    } catch (IllegalArgumentException e) {
      throw new RecordFormatException("the record contradicts itself: " + e.getMessage());
    }
  }

  private static int utf8Length(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }

  private static Primary primary(Fields fields) throws RecordFormatException {
    Primary primary = new Primary(fields.id("node"), fields.id("nonce"), fields.string("url"));
    fields.checkNoOther();
    return primary;
  }

  private static List<Member> members(Collection<?> values) throws RecordFormatException {
    List<Member> members = new ArrayList<>();
    for (Object value : values) {
      Fields fields = new Fields("a member", value);
      members.add(new Member(fields.id("node"), fields.id("incarnation"), fields.id("token")));
      fields.checkNoOther();
    }
    return members;
  }

  private static CommitMode mode(String text) throws RecordFormatException {
    return switch (text) {
      case "sync" -> CommitMode.SYNC;
      case "async" -> CommitMode.ASYNC;
      default -> throw new RecordFormatException("'commit' is neither sync nor async");
    };
  }

  private static SortedMap<String, LogPoint> least(Fields fields) throws RecordFormatException {
    SortedMap<String, LogPoint> least = new TreeMap<>();
    for (String name : fields.keys()) {
      least.put(name, LogPoint.parse(fields.string(name)));
    }
    return least;
  }

  private static Successor successor(Fields fields) throws RecordFormatException {
    Successor successor =
        new Successor(fields.id("node"), fields.id("incarnation"), fields.number("expires-ms"));
    fields.checkNoOther();
    return successor;
  }

  /** The fields of an object, each taken once. */
  private static final class Fields {
    private final String what;
    private final Map<String, Object> values = new HashMap<>();

    Fields(String what, Object value) throws RecordFormatException {
      this.what = what;
      if (!(value instanceof Map<?, ?> map)) {
        throw new RecordFormatException(what + " is no object");
      }
      map.forEach((key, field) -> values.put((String) key, field));
    }

    boolean has(String key) {
      return values.containsKey(key);
    }

    Set<String> keys() {
      return new HashSet<>(values.keySet());
    }

    private <T> T take(String key, Class<T> type) throws RecordFormatException {
      Object value = values.remove(key);
      if (!type.isInstance(value)) {
        throw new RecordFormatException(
            what + (value == null ? " has no '" + key + "'" : ": '" + key + "' has a wrong type"));
      }
      return type.cast(value);
    }

    String string(String key) throws RecordFormatException {
      return take(key, String.class);
    }

    long number(String key) throws RecordFormatException {
      return take(key, Long.class);
    }

    long id(String key) throws RecordFormatException {
      String text = string(key);
      if (!text.matches("[0-9a-f]{16}")) {
        throw new RecordFormatException(what + ": '" + key + "' is not 16 hexadecimal digits");
      }
      return Long.parseUnsignedLong(text, 16);
    }

    Fields object(String key) throws RecordFormatException {
      return new Fields("'" + key + "'", take(key, Map.class));
    }

    Collection<?> list(String key) throws RecordFormatException {
      return take(key, List.class);
    }

    void checkNoOther() throws RecordFormatException {
      if (!values.isEmpty()) {
        String first = new TreeMap<>(values).firstKey();
        throw new RecordFormatException(
            what
                + " has the unknown field '"
                + (first.length() > 64 ? first.substring(0, 64) + "..." : first)
                + "', which format "
                + FORMAT
                + " does not have");
      }
    }
  }
}
