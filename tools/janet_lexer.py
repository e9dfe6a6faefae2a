"""Janet for Pygments, which Debian's does not know: a hook of MkDocs (mkdocs.yml)."""
import pygments.lexers
from pygments.lexer import RegexLexer, bygroups
from pygments.token import Comment, Keyword, Name, Number, Punctuation, String, Whitespace

SYMBOL = r'[^\s()\[\]{}"`\'~;,|@#:][^\s()\[\]{}"`]*'
FORMS = '|'.join(
    'and break case comment compwhen cond coro def def- default defer defmacro defn defn- do each '
    'eachk eachp edefer error fn for forever forv generate if if-let if-not import let loop match '
    'or prompt protect quasiquote quote repeat seq set splice tabseq try unless unquote upscope '
    'use var var- when when-let while with with-dyns'.split())


class JanetLexer(RegexLexer):
    name = 'Janet'
    aliases = ['janet']
    filenames = ['*.janet']
    tokens = {
        'root': [
            (r'\s+', Whitespace),
            (r'#.*$', Comment.Single),
            (r'@?(`+)(?:.|\n)*?(?<!`)\1(?!`)', String),
            (r'@?"(?:\\.|[^"\\])*"', String),
            (r':[^\s()\[\]{}"`]*', String.Symbol),
            (r'[-+]?[0-9.][0-9a-zA-Z_.&+-]*(?=[\s()\[\]{}]|$)', Number),
            (r'(\()((?:%s)(?=[\s()\[\]{}]))' % FORMS, bygroups(Punctuation, Keyword)),
            (r'(\()(%s)' % SYMBOL, bygroups(Punctuation, Name.Function)),
            (r'(?:nil|true|false)(?=[\s()\[\]{}]|$)', Keyword.Constant),
            (SYMBOL, Name),
            (r'[()\[\]{}@\'~;,|#]', Punctuation),
        ]
    }


pygments.lexers.LEXERS['JanetLexer'] = ('janet_lexer', 'Janet', ('janet',), ('*.janet',), ())
pygments.lexers._lexer_cache['Janet'] = JanetLexer
