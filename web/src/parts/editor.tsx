// A text editor: CodeMirror in a shadow root, where the page's policy lets it have its styles. A chunk of
// its own, loaded when one is shown. Tab indents; Esc then Tab leaves it.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { sql, StandardSQL, SQLDialect } from "@codemirror/lang-sql";
import { bracketMatching, HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { properties } from "@codemirror/legacy-modes/mode/properties";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import { EditorView, highlightActiveLine, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { useLayoutEffect, useRef } from "preact/hooks";
import { tags as t } from "@lezer/highlight";

export type Language = "sql" | "json" | "properties";

const KSQL = SQLDialect.define({
  ...StandardSQL.spec,
  keywords: `${StandardSQL.spec.keywords ?? ""} connector connectors connection connections plugins describe show list print pause resume stop restart test snapshot offsets topics variables define undefine source sink if exists forget reset limit beginning blocking tables`,
});

const languages: Record<Language, () => Extension> = {
  sql: () => sql({ dialect: KSQL }),
  json: () => json(),
  properties: () => StreamLanguage.define(properties),
};

const colors = HighlightStyle.define([
  { tag: [t.keyword, t.operatorKeyword], color: "var(--accent)", fontWeight: "600" },
  { tag: [t.string, t.special(t.string)], color: "var(--ok)" },
  { tag: [t.number, t.bool, t.null], color: "var(--info)" },
  { tag: [t.propertyName, t.definition(t.variableName)], color: "var(--accent)" },
  { tag: [t.lineComment, t.blockComment, t.comment], color: "var(--muted)" },
]);

const theme = EditorView.theme({
  "&": { color: "var(--text)", backgroundColor: "var(--surface)", fontSize: "12.5px", height: "100%" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-1px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "19px" },
  ".cm-content": { caretColor: "var(--text)", padding: "8px 0" },
  ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--muted)", border: "0" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--sunken) 60%, transparent)" },
  ".cm-placeholder": { color: "var(--muted)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, ::selection": { backgroundColor: "var(--accent-tint)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
});

/** What is marked now, which the editor may not have been told of yet. */
function markedIn(view: EditorView): { from: number; to: number } {
  const root = view.root as ShadowRoot & { getSelection?: () => Selection | null };
  const s = root.getSelection?.();
  const inside = (n: Node | null | undefined): n is Node => !!n && view.contentDOM.contains(n);
  if (!s || !inside(s.anchorNode) || !inside(s.focusNode)) return view.state.selection.main;
  const ends = [view.posAtDOM(s.anchorNode, s.anchorOffset), view.posAtDOM(s.focusNode, s.focusOffset)];
  return { from: Math.min(...ends), to: Math.max(...ends) };
}

/** What stands in an editor that is shown. */
export interface Handle {
  /** What is marked; nothing: an empty text. */
  marked: () => string;
  caret: () => number;
  focus: () => void;
}

export default function Editor(props: {
  label: string;
  language: Language;
  value: string;
  change: (text: string) => void;
  /** Ctrl+Enter. */
  run?: () => void;
  hint?: string;
  handle?: { current: Handle | null };
}) {
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const current = useRef(props);
  current.current = props;
  const language = useRef(new Compartment());
  useLayoutEffect(() => {
    const root = box.current!.shadowRoot ?? box.current!.attachShadow({ mode: "open" });
    const own = (view.current = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: props.value,
        extensions: [
          lineNumbers(),
          history(),
          bracketMatching(),
          highlightActiveLine(),
          EditorView.lineWrapping,
          language.current.of(languages[props.language]()),
          syntaxHighlighting(colors),
          theme,
          props.hint ? placeholder(props.hint) : [],
          keymap.of([
            { key: "Mod-Enter", run: () => (current.current.run?.(), true) },
            ...defaultKeymap,
            ...historyKeymap,
            indentWithTab,
          ]),
          EditorView.domEventHandlers({
            // Where a text replaces another one, the browser would copy that one's style as an attribute,
            // which the page's policy refuses and reports.
            beforeinput(e, own) {
              if (e.inputType !== "insertText" || !e.data || own.composing) return false;
              e.preventDefault();
              const { from, to } = markedIn(own);
              own.dispatch({ changes: { from, to, insert: e.data }, selection: { anchor: from + e.data.length }, userEvent: "input.type", scrollIntoView: true });
              return true;
            },
          }),
          EditorView.contentAttributes.of({ "aria-label": `${props.label}. Press Escape, then Tab, to leave it.`, spellcheck: "false", autocapitalize: "off" }),
          EditorView.updateListener.of((u) => u.docChanged && current.current.change(u.state.doc.toString())),
        ],
      }),
    }));
    if (props.handle)
      props.handle.current = {
        marked: () => own.state.sliceDoc(own.state.selection.main.from, own.state.selection.main.to),
        caret: () => own.state.selection.main.head,
        focus: () => own.focus(),
      };
    return () => own.destroy();
  }, []);
  // At once, not behind the next frame: a key pressed in between would make two texts replace each other for ever.
  useLayoutEffect(() => {
    const own = view.current!;
    if (own.state.doc.toString() !== props.value) own.dispatch({ changes: { from: 0, to: own.state.doc.length, insert: props.value } });
  }, [props.value]);
  useLayoutEffect(() => view.current!.dispatch({ effects: language.current.reconfigure(languages[props.language]()) }), [props.language]);
  return <div class="editor" ref={box} />;
}
