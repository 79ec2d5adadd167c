package io.tidemark.node.config;

import io.tidemark.node.config.ConfigValues.Item;
import io.tidemark.node.config.ConfigValues.Value;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * Reads a YAML text strictly: only known keys, each once. Only the node tree is built, no objects,
 * so that every complaint can name its line and a tag in the file can make nothing happen.
 */
final class YamlReader {
  private final String source;
  private final Consumer<String> warnings;
  private final ConfigValues values = new ConfigValues();

  private YamlReader(String source, Consumer<String> warnings) {
    this.source = source;
    this.warnings = warnings;
  }

  /**
   * Reads a configuration.
   *
   * @param source how to name the text in messages
   * @param warnings receives one line for each key that has no meaning any more
   */
  static ConfigValues read(String text, String source, Consumer<String> warnings)
      throws ConfigException {
    YamlReader reader = new YamlReader(source, warnings);
    Node root;
    try {
      LoaderOptions options = new LoaderOptions();
      options.setMaxAliasesForCollections(10);
      options.setNestingDepthLimit(10);
      root = new Yaml(new SafeConstructor(options)).compose(new StringReader(text));
    } catch (MarkedYAMLException e) {
      int line = e.getProblemMark() == null ? 1 : e.getProblemMark().getLine() + 1;
      throw new ConfigException(
          source + " line " + line + ": not valid YAML: " + e.getProblem() + ".");
    } catch (YAMLException e) {
      throw new ConfigException(source + ": not valid YAML: " + e.getMessage() + ".");
    }
    if (root != null && !isNull(root)) {
      reader.readSection("", root);
    }
    return reader.values;
  }

  private void readSection(String prefix, Node node) throws ConfigException {
    if (!(node instanceof MappingNode section)) {
      String name = prefix.isEmpty() ? "the file" : prefix.substring(0, prefix.length() - 1);
      throw new ConfigException(place(node) + ": " + name + " must hold 'key: value' lines.");
    }
    Map<String, Node> seen = new LinkedHashMap<>();
    for (NodeTuple entry : section.getValue()) {
      String path = prefix + keyName(entry.getKeyNode());
      if (seen.put(path, entry.getValueNode()) != null) {
        throw new ConfigException(place(entry.getKeyNode()) + ": " + path + " is given twice.");
      }
      readEntry(path, entry.getKeyNode(), entry.getValueNode());
    }
  }

  private void readEntry(String path, Node keyNode, Node node) throws ConfigException {
    ConfigKey key = ConfigKey.find(path);
    if (key == null && ConfigKey.isSection(path)) {
      if (!isNull(node)) {
        readSection(path + ".", node);
      }
      return;
    }
    if (key == null && LitefsFile.renamed(path) != null) {
      throw new ConfigException(
          place(keyNode)
              + ": "
              + path
              + " is a key of old versions of LiteFS. Use "
              + LitefsFile.renamed(path)
              + ".");
    }
    if (key == null) {
      String nearest = NearestKey.of(path, ConfigKey.suggestions());
      throw new ConfigException(
          place(keyNode) + ": unknown key " + path + ". Did you mean " + nearest + "?");
    }
    if (key.ignored() != null) {
      warnings.accept(
          place(keyNode) + ": " + path + " has no meaning here: " + key.ignored() + ".");
      return;
    }
    if (path.startsWith("http.") && isBlank(node)) {
      // Such as a token from a variable that is not set: must not mean "no token".
      throw new ConfigException(
          place(keyNode) + ": " + path + " has no value. Set one or remove the line.");
    }
    if (isNull(node)) {
      return;
    }
    values.put(path, value(path, node));
  }

  private Value value(String path, Node node) throws ConfigException {
    if (node instanceof ScalarNode scalar) {
      return new Value(place(node), scalar.getValue(), null);
    }
    if (node instanceof SequenceNode sequence) {
      List<Item> items = new ArrayList<>();
      for (Node child : sequence.getValue()) {
        items.add(item(path, child));
      }
      return new Value(place(node), null, items);
    }
    throw new ConfigException(place(node) + ": " + path + " takes a value, not a map.");
  }

  private Item item(String path, Node node) throws ConfigException {
    if (node instanceof ScalarNode scalar) {
      return new Item(place(node), scalar.getValue(), null);
    }
    if (!(node instanceof MappingNode mapping)) {
      throw new ConfigException(place(node) + ": " + path + " takes no list inside its list.");
    }
    Map<String, Value> fields = new LinkedHashMap<>();
    for (NodeTuple entry : mapping.getValue()) {
      String name = keyName(entry.getKeyNode());
      if (!(entry.getValueNode() instanceof ScalarNode scalar)) {
        throw new ConfigException(place(entry.getKeyNode()) + ": " + name + " takes one value.");
      }
      fields.put(name, new Value(place(entry.getKeyNode()), scalar.getValue(), null));
    }
    return new Item(place(node), null, fields);
  }

  private String keyName(Node node) throws ConfigException {
    if (node instanceof ScalarNode scalar) {
      return scalar.getValue();
    }
    throw new ConfigException(place(node) + ": a key must be a plain word.");
  }

  private String place(Node node) {
    return source + " line " + (node.getStartMark().getLine() + 1);
  }

  private static boolean isBlank(Node node) {
    return node instanceof ScalarNode scalar && scalar.getValue().isBlank() || isNull(node);
  }

  private static boolean isNull(Node node) {
    return node instanceof ScalarNode && node.getTag().equals(Tag.NULL);
  }
}
